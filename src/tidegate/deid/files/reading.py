"""Read a CSV file strictly: every record has every field, every byte is UTF-8, no name is doubled.

What is wrong is told with the numbers of lines and never with what stands in them.
"""

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

from tidegate.deid.files.errors import TableUnreadableError
from tidegate.deid.files.model import Received
from tidegate.kernel.text import without_hidden

DELIMITERS = (",", ";", "\t", "|")
_NO_DELIMITER = f"\"'\r\n\0.-{ascii_letters}{digits}"
_BLOCK = 8 << 20
_SHOWN = 5
_TOO_LONG = "field larger than field limit"
_NO_TEXT = (
    (b"\xff\xfe", "is UTF-16 text; save it as UTF-8 (iconv -f UTF-16 -t UTF-8)"),
    (b"\xfe\xff", "is UTF-16 text; save it as UTF-8 (iconv -f UTF-16 -t UTF-8)"),
    (b"\x1f\x8b", "is compressed; unpack it"),
    (b"PK\x03\x04", "is a workbook or an archive; export it as CSV in UTF-8"),
    (b"PAR1", "is a Parquet file; write it as CSV in UTF-8"),
)
"""How files begin that people take for CSV, and what to do with them."""


def receive(path: Path, delimiter: str = "") -> Received:
    """Read the names of a file's columns. Raises TableUnreadableError."""
    if not path.is_file():
        raise TableUnreadableError(
            f"{path} is no plain file; it is read more than once, so write it to a file first.",
            code="table_not_a_file",
        )
    if delimiter and (len(delimiter.encode()) > 1 or delimiter in _NO_DELIMITER):
        raise TableUnreadableError(
            "The delimiter is one ASCII character, and neither a quote, a line break, a dash, a"
            " dot, a letter nor a digit; name the one that stands between the fields.",
            code="delimiter_malformed",
        )
    _check_plain(path)
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            first = file.readline()
            chosen = delimiter or max(DELIMITERS, key=first.count)
            file.seek(0)
            reader = csv.reader(file, delimiter=chosen, strict=True)
            names = tuple(next(reader, ()))
            lines = reader.line_num
    except csv.Error as problem:
        if _TOO_LONG in str(problem):
            raise _too_long(path, 1) from None
        raise TableUnreadableError(
            f"The names of the columns in {path.name} cannot be read (line 1); correct its quotes.",
            code="table_names",
        ) from None
    if any(_is_garbled(name) for name in names):
        raise _not_text(path, [1], 1)
    _check_names(path, names)
    return Received(path, names, chosen, lines)


def _check_plain(path: Path) -> None:
    """Refuse a file that is no text at all, before its lines are counted."""
    with path.open("rb") as file:
        first = file.read(4)
        kind = next((words for mark, words in _NO_TEXT if first.startswith(mark)), "")
        if kind:
            raise TableUnreadableError(
                f"{path.name} {kind} before it is anonymised.", code="table_encoding"
            )
        line = 1
        file.seek(0)
        for part in iter(lambda: file.read(_BLOCK), b""):
            place = part.find(b"\0")
            if place >= 0:
                line += part.count(b"\n", 0, place)
                raise TableUnreadableError(
                    f"{path.name} has a zero byte in line {line}, which is no text: it is not a"
                    " CSV file, or was damaged; export it again.",
                    code="table_zero_byte",
                    line=str(line),
                )
            line += part.count(b"\n")


def _check_names(path: Path, names: tuple[str, ...]) -> None:
    if not names:
        raise TableUnreadableError(
            f"{path.name} is empty; its first line must name the columns.", code="table_empty"
        )
    blank = [place for place, name in enumerate(names, start=1) if not name.strip()]
    if blank:
        raise TableUnreadableError(
            f"Column {blank[0]} of {path.name} has no name; give it one in line 1.",
            code="table_names",
        )
    hidden = [
        place
        for place, name in enumerate(names, start=1)
        if without_hidden(name) != name or len(name.splitlines()) > 1
    ]
    if hidden:
        raise TableUnreadableError(
            f"The name of column {hidden[0]} of {path.name} has characters that are not seen, such"
            " as control characters or a line break; write it anew in line 1.",
            code="table_names",
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TableUnreadableError(
            f"{path.name} has two columns named {twice}; rename one in line 1.",
            code="table_names",
        )


def iterate_batches(table: Received) -> Iterator[Any]:
    """Yield record batches of text columns, every record of the file once, in its order.

    Raises TableUnreadableError naming the lines that are wrong.
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched
    import pyarrow.csv  # noqa: PLC0415

    wrong: list[int] = []

    def note(_row: Any) -> str:
        wrong.append(1)
        return "skip"

    try:
        reader = pyarrow.csv.open_csv(
            table.path,
            read_options=pyarrow.csv.ReadOptions(
                block_size=_BLOCK,
                use_threads=False,
                column_names=list(table.names),
                skip_rows=table.header_lines,
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=table.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=len(table.names) > 1,
                invalid_row_handler=note,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(table.names, pa.string()), strings_can_be_null=False
            ),
        )
        with reader:
            yield from reader
    except pa.ArrowException as problem:
        if "Empty CSV" in str(problem):  # names and no record
            return
        found = _diagnosis(table)
        if found is None:
            return
        raise found from None
    if wrong:
        raise _diagnosis(table) or _malformed(table)


def _diagnosis(table: Received) -> TableUnreadableError | None:
    """Read the file again, slowly, and say which lines are wrong; None if there is no record."""
    uneven: list[int] = []
    garbled: list[int] = []
    with table.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, delimiter=table.delimiter, strict=True)
        last = 0
        try:
            for row in reader:
                line, last = last + 1, reader.line_num
                if any(_is_garbled(cell) for cell in row):
                    garbled.append(line)
                elif row and len(row) != len(table.names):
                    uneven.append(line)
        except csv.Error as problem:
            if _TOO_LONG in str(problem):
                return _too_long(table.path, last + 1)
            return TableUnreadableError(
                f"The quotes in {table.path.name} do not close, from line {last + 1} on; correct"
                " them there.",
                code="table_quotes",
                line=str(last + 1),
            )
    if garbled:
        return _not_text(table.path, garbled, len(garbled))
    if not uneven:
        return _malformed(table) if last > table.header_lines else None
    return TableUnreadableError(
        f"{len(uneven)} records of {table.path.name} do not have {len(table.names)} fields as line"
        f" 1 has: {_lines(uneven)}. Correct them, or name the --delimiter.",
        code="table_fields",
        line=str(uneven[0]),
    )


def _is_garbled(text: str) -> bool:
    """Tell whether bytes were no UTF-8: reading them so leaves lone surrogates (PEP 383)."""
    return any("\udc80" <= char <= "\udcff" for char in text)


def _malformed(table: Received) -> TableUnreadableError:
    return TableUnreadableError(
        f"{table.path.name} cannot be read as a table; write it as CSV with a quote only"
        " around whole fields.",
        code="table_malformed",
    )


def _too_long(path: Path, line: int) -> TableUnreadableError:
    return TableUnreadableError(
        f"{path.name} cannot be read as a table, and the record at line {line} has a field of more"
        f" than {csv.field_size_limit()} characters, too long to look further; shorten it, or close"
        " the quote before it.",
        code="table_field_long",
        line=str(line),
    )


def _not_text(path: Path, lines: list[int], count: int) -> TableUnreadableError:
    many = f"{count} records of {path.name} are" if count > 1 else f"A record of {path.name} is"
    return TableUnreadableError(
        f"{many} not UTF-8 text: {_lines(lines)}. Save the file as UTF-8 (in a spreadsheet: “CSV"
        " UTF-8”); Chinese files are often GB18030 or Big5: iconv -f GB18030 -t UTF-8.",
        code="table_encoding",
        line=str(lines[0]),
    )


def _lines(lines: list[int]) -> str:
    shown = ", ".join(str(line) for line in lines[:_SHOWN])
    return f"line {shown}{' …' if len(lines) > _SHOWN else ''}"


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
