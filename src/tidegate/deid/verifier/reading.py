"""Read a published table by a reader of its own: names, and a number for every cell's text.

Every value is compared as the text that is published; a missing value of a typed file is a value
of its own, unlike the empty text. What cannot be read without a doubt is refused: a name that
occurs twice, a row of another length, bytes that are not UTF-8.
"""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tidegate.deid.verifier.errors import PublishedUnreadableError
from tidegate.deid.verifier.model import Published
from tidegate.kernel.values import dataclass

Codes: TypeAlias = npt.NDArray[np.unsignedinteger]
_BLOCK = 16 << 20  # the texts of a block are numbered anew in each: few blocks, little work
_PART = 1 << 20
_TEXT = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `codes[record]` is a place in `texts`; None stands for a missing value."""

    codes: Codes
    texts: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was read: the names as they stand, and the columns."""

    names: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def rows(self) -> int:
        """Return the number of records."""
        return len(self.columns[0].codes) if self.columns else 0

    def column(self, name: str) -> Column:
        """Return a column by its name."""
        return self.columns[self.names.index(name)]


def read_table(published: Published, delimiter: str = ",") -> Table:
    """Read a whole table, batch by batch; its texts are held once each.

    Raises PublishedUnreadableError, saying what is wrong with the file.
    """
    try:
        if not isinstance(published, Path):
            return _gather(None, published())
        if published.suffix == ".parquet":
            with pyarrow.parquet.ParquetFile(published) as file:
                return _gather(tuple(file.schema_arrow.names), file.iter_batches())
        return _read_csv(published, delimiter)
    except (OSError, pa.ArrowException, UnicodeError, csv.Error) as problem:
        raise PublishedUnreadableError(
            f"The published table cannot be read ({type(problem).__name__}); publish it again.",
            code="published_unreadable",
        ) from problem


def _read_csv(path: Path, delimiter: str) -> Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        line = file.readline()
    names = tuple(next(csv.reader([line], delimiter=delimiter, strict=True), ()))
    if not names:
        raise PublishedUnreadableError(
            "The published table is empty: not even names of columns stand in it.",
            code="published_empty",
        )
    quoted = _has_quotes(path)
    places = [str(place) for place in range(len(names))]  # names may be doubled; places are not
    with pyarrow.csv.open_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(
            block_size=_BLOCK, use_threads=False, column_names=places, skip_rows=1
        ),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=delimiter,
            quote_char='"' if quoted else False,
            newlines_in_values=quoted,
            ignore_empty_lines=False,
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(places, _TEXT), strings_can_be_null=False
        ),
    ) as reader:
        return _gather(names, reader)


def _has_quotes(path: Path) -> bool:
    """Tell whether cells are quoted; quotes come in pairs, or the last cell never ends."""
    with path.open("rb") as file:
        quotes = sum(part.count(b'"') for part in iter(lambda: file.read(_PART), b""))
    if quotes % 2:
        raise PublishedUnreadableError(
            "A quoted cell of the published table does not end; publish it again.",
            code="published_unreadable",
        )
    return quotes > 0


def _gather(names: tuple[str, ...] | None, batches: Iterable[Any]) -> Table:
    columns: list[_Growing] = []
    for batch in batches:
        names = names if names is not None else tuple(batch.schema.names)
        columns = columns or [_Growing() for _ in names]
        if batch.num_columns != len(names):
            raise PublishedUnreadableError(
                "The parts of the published table have different columns; publish it again.",
                code="published_uneven",
            )
        for column, values in zip(columns, batch.columns, strict=True):
            column.add(values)
    if not names or len({*names}) != len(names):
        raise PublishedUnreadableError(
            "The published table has no column names, or one of them twice.",
            code="published_names",
        )
    columns = columns or [_Growing() for _ in names]
    return Table(names, tuple(column.whole() for column in columns))


class _Growing:
    """A column while it is read: parts with numbers of their own become one numbering."""

    def __init__(self) -> None:
        self._numbers: dict[str | None, int] = {}
        self._parts: list[Codes] = []

    def add(self, values: Any) -> None:
        coded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
        texts = coded.dictionary.cast(pa.string()).to_pylist()
        numbers = self._numbers
        known = [numbers.setdefault(text, len(numbers)) for text in texts]
        codes = coded.indices
        if coded.null_count:
            known.append(numbers.setdefault(None, len(numbers)))
            codes = codes.fill_null(len(texts))
        if known:
            narrow = np.min_scalar_type(len(numbers))  # millions of records take a byte each
            self._parts.append(np.array(known, narrow)[codes.to_numpy()])

    def whole(self) -> Column:
        parts = self._parts or [np.zeros(0, np.uint8)]
        return Column(np.concatenate(parts), tuple(self._numbers))


def iterate_texts(column: Column) -> Iterator[str]:
    """Give every different text of a column once."""
    return (text for text in column.texts if text is not None)
