"""Find levels of generalisation that make every record one of at least k.

Full-domain generalisation with a bounded suppression (Samarati 2001; Sweeney, Datafly, 1997): climb
the level that frees most records for the least loss until few enough are left over, then climb down
again wherever k survives it. Simple and correct, not optimal: no single level of the answer can be
lowered without breaking the bound.
"""

from collections import Counter
from collections.abc import Sequence

from tidegate.deid.errors import NotAnonymousError
from tidegate.deid.ladder import Ladder, Value
from tidegate.kernel.values import dataclass

Levels = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Encoded:
    """The quasi-identifiers of a table: per column its distinct values, its codes, its ladder."""

    values: tuple[Value, ...]
    codes: Sequence[int]
    ladder: Ladder

    def at(self, level: int) -> list[int]:
        """Return the codes of the column's records at one level."""
        mapping = self.ladder[level].mapping
        names: dict[Value, int] = {}
        coarse = [names.setdefault(mapping[value], len(names)) for value in self.values]
        return [coarse[code] for code in self.codes]


@dataclass(frozen=True, slots=True)
class Answer:
    """The levels found and which records must be left out."""

    levels: Levels
    suppressed: frozenset[int]


class Search:
    """One search; grouped columns are remembered, so that a level is coded once."""

    def __init__(self, columns: tuple[Encoded, ...], k: int, allowed: int) -> None:
        self._columns = columns
        self._k = k
        self._allowed = allowed
        self._coded: dict[tuple[int, int], list[int]] = {}
        self._seen: dict[Levels, int] = {}

    def run(self) -> Answer:
        """Return the levels and the left-over records; raise NotAnonymousError if none will do."""
        levels: Levels = tuple(0 for _ in self._columns)
        while self.left_over(levels) > self._allowed:
            levels = self._climb(levels)
        lowered: Levels | None = levels
        while lowered is not None:
            levels, lowered = lowered, self._descend(lowered)
        return Answer(levels, self._suppressed(levels))

    def left_over(self, levels: Levels) -> int:
        """Count the records in classes smaller than k."""
        if levels not in self._seen:
            sizes = Counter(self._keys(levels))
            self._seen[levels] = sum(size for size in sizes.values() if size < self._k)
        return self._seen[levels]

    def _keys(self, levels: Levels) -> "zip[tuple[int, ...]]":
        return zip(*(self._codes(n, level) for n, level in enumerate(levels)), strict=True)

    def _codes(self, column: int, level: int) -> list[int]:
        at = (column, level)
        if at not in self._coded:
            self._coded[at] = self._columns[column].at(level)
        return self._coded[at]

    def _climb(self, levels: Levels) -> Levels:
        before, best, choice = self.left_over(levels), -1.0, None
        for higher in self._neighbours(levels, 1):
            gain = before - self.left_over(higher)
            cost = self._loss(higher) - self._loss(levels)
            worth = gain / max(cost, 0.01)
            if worth > best:
                best, choice = worth, higher
        if choice is None:
            raise NotAnonymousError(
                f"Fewer than {self._k} records remain alike even when every quasi-identifier is"
                " emptied; allow more suppression, lower k, or acquire more records.",
                k=str(self._k),
            )
        return choice

    def _descend(self, levels: Levels) -> Levels | None:
        lower = [c for c in self._neighbours(levels, -1) if self.left_over(c) <= self._allowed]
        return min(lower, key=lambda c: (self._loss(c), c)) if lower else None

    def _neighbours(self, levels: Levels, step: int) -> list[Levels]:
        moved = []
        for n, level in enumerate(levels):
            if 0 <= level + step < len(self._columns[n].ladder):
                moved.append((*levels[:n], level + step, *levels[n + 1 :]))
        return moved

    def _loss(self, levels: Levels) -> float:
        pairs = zip(self._columns, levels, strict=True)
        return sum(column.ladder[level].loss for column, level in pairs)

    def _suppressed(self, levels: Levels) -> frozenset[int]:
        sizes = Counter(self._keys(levels))
        keys = enumerate(self._keys(levels))
        return frozenset(row for row, key in keys if sizes[key] < self._k)


def encode(values: Sequence[Value], ladder: Ladder) -> Encoded:
    """Give every distinct value a code."""
    names: dict[Value, int] = {}
    codes = [names.setdefault(value, len(names)) for value in values]
    return Encoded(tuple(names), codes, ladder)
