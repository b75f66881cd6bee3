"""Measure a table while it streams by: types, missing values, ranges, categories, repeats.

Nothing measured shows a single person: the least and the greatest value shown are the tenth from
either end, categories of fewer than ten rows are folded together, and identifiers show no values.
"""

from collections import Counter
from dataclasses import field
from typing import Any

from tidegate.catalogue.model import (
    OTHER_CATEGORY,
    SMALL_CATEGORY,
    Category,
    Column,
    ColumnRole,
    TableQuality,
)
from tidegate.commons.model import ColumnNote
from tidegate.kernel.values import dataclass

DISTINCT_COUNTED = 50_000
_CATEGORIES = 50
_CATEGORIES_WATCHED = 500
_ROWS_COMPARED = 100_000
_SAMPLE = 500
_PATTERNS = {
    "boolean": r"^(true|false|TRUE|FALSE|True|False)$",
    "integer": r"^-?(0|[1-9][0-9]{0,17})$",
    "number": r"^-?(0|[1-9][0-9]*)?(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?$",
    "date": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
}
_SECRET = frozenset({ColumnRole.DIRECT_IDENTIFIER, ColumnRole.PERSON_KEY})


@dataclass(slots=True)
class ColumnProfile:
    """What is known about one column so far; memory does not grow with the rows."""

    name: str
    rows: int = 0
    missing: int = 0
    possible: list[str] = field(default_factory=lambda: list(_PATTERNS))
    values: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    many: bool = False
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    sample: list[str] = field(default_factory=list)

    def update(self, values: Any) -> None:
        """Take in one array of text."""
        import pyarrow.compute as pc  # noqa: PLC0415 - heavy: loaded when rows are touched

        self.rows += len(values)
        self.missing += values.null_count
        known = values.drop_null()
        if not len(known):
            return
        if len(self.sample) < _SAMPLE:
            self.sample += known[: _SAMPLE - len(self.sample)].to_pylist()
        counted = pc.value_counts(known)
        distinct = counted.field("values")
        self._narrow(distinct)
        self._count(distinct.to_pylist(), counted.field("counts").to_pylist())
        self._stretch(known)

    @property
    def type(self) -> str:
        """The narrowest type every value so far has."""
        return self.possible[0] if self.possible and self.rows > self.missing else "string"

    @property
    def least(self) -> float | None:
        """The very least number, for rules such as children's age; never shown."""
        numeric = self.type in {"integer", "number"} and self.low
        return self.low[0] if numeric else None

    def describe(self, note: ColumnNote, role: ColumnRole) -> Column:
        """Return the codebook's line about the column."""
        hidden = role in _SECRET
        low, high = ("", "") if hidden else self._range()
        return Column(
            name=self.name,
            type=self.type,
            role=role,
            identifier_kind=note.kind,
            label=note.label,
            unit=note.unit,
            missing=self.missing,
            distinct=min(len(self.values), DISTINCT_COUNTED),
            minimum=low or None,
            maximum=high or None,
            categories=() if hidden else self._categories(),
        )

    def _narrow(self, distinct: Any) -> None:
        import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched
        import pyarrow.compute as pc  # noqa: PLC0415

        for name in tuple(self.possible):
            fits = pc.all(pc.match_substring_regex(distinct, _PATTERNS[name])).as_py()
            if fits and name in {"date", "number"}:
                try:
                    distinct.cast(pa.date32() if name == "date" else pa.float64())
                except pa.ArrowInvalid:
                    fits = False
            if not fits:
                self.possible.remove(name)

    def _count(self, values: list[str], counts: list[int]) -> None:
        if len(self.values) < DISTINCT_COUNTED:
            self.values.update(values)
        if not self.many:
            self.counts.update(dict(zip(values, counts, strict=True)))
            self.many = len(self.counts) > _CATEGORIES_WATCHED
            if self.many:
                self.counts.clear()

    def _stretch(self, known: Any) -> None:
        import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched
        import pyarrow.compute as pc  # noqa: PLC0415

        if "number" not in self.possible:
            self.low, self.high = [], []
            return
        numbers = pa.concat_arrays([known.cast(pa.float64()), pa.array(self.low, pa.float64())])
        self.low = _taken(numbers, pc.bottom_k_unstable(numbers, SMALL_CATEGORY))
        numbers = pa.concat_arrays([known.cast(pa.float64()), pa.array(self.high, pa.float64())])
        self.high = _taken(numbers, pc.top_k_unstable(numbers, SMALL_CATEGORY))

    def _range(self) -> tuple[str, str]:
        if self.type not in {"integer", "number"} or len(self.low) < SMALL_CATEGORY:
            return "", ""
        shown = (max(self.low), min(self.high))
        if shown[0] > shown[1]:
            return "", ""
        if self.type == "integer":
            return str(int(shown[0])), str(int(shown[1]))
        return repr(shown[0]), repr(shown[1])

    def _categories(self) -> tuple[Category, ...]:
        if self.many or len(self.counts) > _CATEGORIES or self.type in {"number", "date"}:
            return ()
        ordered = self.counts.most_common()
        shown = [(value, count) for value, count in ordered if count >= SMALL_CATEGORY]
        other = sum(count for _, count in ordered if count < SMALL_CATEGORY)
        while shown and 0 < other < SMALL_CATEGORY:
            other += shown.pop()[1]
        lines = [Category(value, count) for value, count in sorted(shown)]
        return (*lines, Category(OTHER_CATEGORY, other)) if other >= SMALL_CATEGORY else (*lines,)


def _taken(numbers: Any, places: Any) -> list[float]:
    return sorted(numbers.take(places).to_pylist())


class TableProfile:
    """All columns of one table, and how often whole rows repeat."""

    def __init__(self, name: str, columns: tuple[str, ...]) -> None:
        self.name = name
        self.rows = 0
        self.columns = tuple(ColumnProfile(column) for column in columns)
        self._seen: set[int] = set()
        self._duplicates = 0

    def update(self, batch: Any) -> None:
        """Take in one batch of text columns."""
        for column, values in zip(self.columns, batch.columns, strict=True):
            column.update(values)
        if len(self._seen) < _ROWS_COMPARED and batch.num_rows:
            lists = [values.to_pylist() for values in batch.columns]
            for row in zip(*lists, strict=True):
                mark = hash(row)
                self._duplicates += mark in self._seen
                self._seen.add(mark)
        self.rows += batch.num_rows

    def quality(self) -> TableQuality:
        """Return how full the table is; repeats are counted among the first 100,000 rows."""
        cells = self.rows * len(self.columns)
        missing = sum(column.missing for column in self.columns)
        full = 1000 if not cells else (cells - missing) * 1000 // cells
        return TableQuality(self.name, self.rows, full, self._duplicates)
