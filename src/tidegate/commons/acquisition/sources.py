"""Files on their way in: tell what they are and read them as batches of text columns."""

import gzip
import hashlib
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from tidegate.commons.acquisition.records import BrokenRecordError, Dialect, RecordReader, Reject
from tidegate.commons.errors import FileRefusedError
from tidegate.commons.model import Descriptor
from tidegate.kernel.text import has_hidden_characters
from tidegate.kernel.values import dataclass

BATCH_ROWS = 16_384
_SAMPLE = 256 * 1024
_SEVERAL = 3
LONGEST_COLUMN = 200  # characters of a column's name
_MOST_COLUMNS = 10_000
_ENDINGS = (".gz", ".csv", ".tsv", ".txt", ".parquet")
_ENCODINGS = {"utf-8", "gb18030", "gbk", "big5", "big5hkscs", "latin-1", "cp1252"}
_GZIP, _PARQUET, _ZIP = b"\x1f\x8b", b"PAR1", b"PK\x03\x04"


class Source(Protocol):
    """A file that can be opened, more than once where its form asks for it."""

    @property
    def name(self) -> str:
        """The file's name, without folders."""
        ...

    def open(self) -> BinaryIO:
        """Open the file's bytes from the start."""
        ...


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file on this machine."""

    path: Path

    @property
    def name(self) -> str:
        """The file's name, without folders."""
        return self.path.name

    def open(self) -> BinaryIO:
        """Open the file; raise FileRefusedError where it cannot be read."""
        try:
            return self.path.open("rb")
        except OSError as problem:
            raise FileRefusedError(
                f"{self.name} cannot be read: {problem.strerror}.", code="file_unreadable"
            ) from None


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a table: accepted as text columns, the others with their reasons."""

    accepted: Any
    rejects: tuple[Reject, ...]


class CountedFile(io.RawIOBase):
    """Passes a file's bytes on while hashing and counting them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        """Say that this is a file for reading."""
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Fill `buffer`, counting what passes."""
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._digest.update(data)
        self.size += len(data)
        return len(data)

    def sha256(self) -> str:
        """Read what is left and return the hash of the whole file."""
        while self.read(1024 * 1024):
            continue
        return self._digest.hexdigest()

    def close(self) -> None:
        """Close the file beneath."""
        self._file.close()
        super().close()


class TableReader:
    """Reads one file as one table. Use as a context; `sha256` and `size` hold once it is read."""

    def __init__(self, source: Source, descriptor: Descriptor) -> None:
        self.name = table_name(source.name)
        self.media_type = "text/csv"
        self._source = source
        self._descriptor = descriptor
        self._file = CountedFile(source.open())
        self._columns: tuple[str, ...] = ()
        self._open: list[io.IOBase | BinaryIO] = [self._file]
        try:
            self._batches = self._start()
        except FileRefusedError:
            self.__exit__()
            raise

    def __enter__(self) -> "TableReader":
        """Return the reader."""
        return self

    def __exit__(self, *problem: object) -> None:
        """Close the file."""
        for file in reversed(self._open):
            file.close()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return self._columns

    def batches(self) -> Iterator[Batch]:
        """Yield the rows; raise FileRefusedError if the file breaks off."""
        try:
            yield from self._batches
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise self._refused("damaged_gzip", "its compressed data break off") from None

    def file_facts(self) -> tuple[int, str]:
        """Return the size and the SHA-256 of the file as it was received."""
        digest = self._file.sha256()
        return self._file.size, digest

    def _start(self) -> Iterator[Batch]:
        try:
            buffered = io.BufferedReader(self._file, _SAMPLE)
            self._open.append(buffered)
            head = buffered.peek(4)[:4]
            if head == _PARQUET:
                return self._read_parquet()
            if head[:2] == _GZIP:
                self.media_type = "application/gzip"
                unpacked = gzip.GzipFile(fileobj=buffered)
                return self._read_csv(io.BufferedReader(unpacked, _SAMPLE))
            return self._read_csv(buffered)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise self._refused("damaged_gzip", "its compressed data break off") from None

    def _read_csv(self, file: "io.BufferedReader[Any]") -> Iterator[Batch]:
        dialect = self._dialect(file)
        reader = RecordReader(file, dialect)
        try:
            names = reader.header()
        except BrokenRecordError as broken:
            raise self._refused(str(broken), "its first line names no columns") from None
        self._columns = self._names(names)
        return _csv_batches(reader, self._columns, self._descriptor.missing)

    def _dialect(self, file: "io.BufferedReader[Any]") -> Dialect:
        sample = file.peek(_SAMPLE)[:_SAMPLE]
        if sample[:4] == _ZIP:
            words = "it is a workbook or a ZIP archive; save each table as CSV in UTF-8"
            raise self._refused("spreadsheet", words)
        if sample[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            raise self._refused("encoding_utf16", "it is UTF-16; save it as UTF-8")
        if not sample:
            raise self._refused("empty_file", "it is empty")
        if sample.startswith(b"\xef\xbb\xbf"):
            file.read(3)
            sample = sample[3:]
            encoding = "utf-8"  # the mark says so, whatever was declared
        else:
            encoding = self._descriptor.encoding.lower() or self._detected(sample)
        if encoding not in _ENCODINGS:
            raise self._refused("encoding_unknown", f"{encoding} is not an encoding we read")
        first = sample.split(b"\n", 1)[0].decode(encoding, "replace")
        delimiter = max(",;\t|", key=first.count)
        return Dialect(encoding, delimiter if delimiter in first else ",")

    def _detected(self, sample: bytes) -> str:
        """Take UTF-8 unless most of the lines with other characters are not; then refuse."""
        lines = sample.splitlines()
        lines = lines[:-1] if len(lines) > 1 else lines
        foreign = [line for line in lines if not line.isascii()]
        wrong = sum(not _decodes(line, "utf-8") for line in foreign)
        header_wrong = bool(lines) and not _decodes(lines[0], "utf-8")
        if header_wrong or (wrong >= _SEVERAL and wrong * 2 > len(foreign)):
            likely = all(_decodes(line, "gb18030") for line in foreign)
            guess = "; it may be gb18030" if likely else ""
            raise self._refused(
                "encoding_undeclared", f"it is not UTF-8{guess}. Declare its encoding (--encoding)"
            )
        return "utf-8"

    def _names(self, names: list[str]) -> tuple[str, ...]:
        named = [name.strip() or f"column_{n}" for n, name in enumerate(names, start=1)]
        if len(named) > _MOST_COLUMNS:
            words = f"it has {len(named):,} columns, more than {_MOST_COLUMNS:,}; split it"
            raise self._refused("too_many_columns", words)
        if any(has_hidden_characters(name) or "\n" in name for name in named):
            raise self._refused("header_control_character", "a column name is not plain text")
        if any(len(name) > LONGEST_COLUMN for name in named):
            words = f"a column name has more than {LONGEST_COLUMN} characters; shorten it"
            raise self._refused("header_too_long", words)
        times = Counter(name.casefold() for name in named)  # SQL tells no letters apart by case
        twice = [name for name in named if times[name.casefold()] > 1]
        if twice:
            shown = ", ".join(f"“{name[:40]}”" for name in dict.fromkeys(twice[:3]))
            words = f"two of its columns have the same name ({shown}); rename one"
            raise self._refused("duplicate_column", words)
        return tuple(named)

    def _read_parquet(self) -> Iterator[Batch]:
        import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched
        import pyarrow.parquet as pq  # noqa: PLC0415

        self.media_type = "application/vnd.apache.parquet"
        file = self._source.open()
        self._open.append(file)
        try:
            parquet = pq.ParquetFile(file)
        except (pa.ArrowException, OSError):
            raise self._refused("damaged_parquet", "its Parquet footer cannot be read") from None
        self._columns = self._names(parquet.schema_arrow.names)
        if any(pa.types.is_nested(kind) or _is_bytes(kind) for kind in parquet.schema_arrow.types):
            raise self._refused("nested_columns", "it has nested or binary columns")
        return self._parquet_batches(parquet)

    def _parquet_batches(self, parquet: Any) -> Iterator[Batch]:
        import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

        schema = pa.schema([(name, pa.string()) for name in self._columns])
        try:
            for batch in parquet.iter_batches(batch_size=BATCH_ROWS):
                columns = [_as_text(column) for column in batch.columns]
                yield Batch(pa.record_batch(columns, schema=schema), ())
        except (pa.ArrowException, OSError):
            raise self._refused("damaged_parquet", "its rows cannot be read") from None

    def _refused(self, code: str, why: str) -> FileRefusedError:
        return FileRefusedError(
            f"{self._source.name} was not acquired: {why}.", code=code, file=self._source.name
        )


def table_name(file_name: str) -> str:
    """Return the table a file makes: its name without endings."""
    name = file_name
    while True:
        shorter = next((name[: -len(e)] for e in _ENDINGS if name.lower().endswith(e)), name)
        if shorter in {name, ""}:
            return name
        name = shorter


def _csv_batches(
    reader: RecordReader, columns: tuple[str, ...], missing: tuple[str, ...]
) -> Iterator[Batch]:
    rows: list[list[str]] = []
    rejects: list[Reject] = []
    for record in reader:
        if isinstance(record, Reject):
            rejects.append(record)
        else:
            rows.append(record)
        if len(rows) >= BATCH_ROWS or len(rejects) >= 1000:
            yield Batch(_text_batch(rows, columns, missing), tuple(rejects))
            rows, rejects = [], []
    yield Batch(_text_batch(rows, columns, missing), tuple(rejects))


def _text_batch(rows: list[list[str]], columns: tuple[str, ...], missing: tuple[str, ...]) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

    empty = frozenset(missing)
    turned = zip(*rows, strict=True) if rows else ((),) * len(columns)
    arrays = [
        pa.array([None if value in empty else value for value in column], pa.string())
        for column in turned
    ]
    return pa.record_batch(arrays, names=list(columns))


def _as_text(column: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched
    import pyarrow.compute as pc  # noqa: PLC0415 - the same

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):  # what other software writes for a missing number
        column = pc.if_else(pc.is_nan(column), None, column)
    return column.cast(pa.string())


def _is_bytes(kind: Any) -> bool:
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
