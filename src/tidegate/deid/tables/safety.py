"""What the search needs to know of the criteria: which groups of records may be published.

A group is judged against the whole table: whatever stands outside the groups is given to the
judge as one more class, so that t-closeness never compares with what happens to be left.
Criteria on a population and on means are seen to at the end, by `mending`.
"""

from typing import TYPE_CHECKING

import numpy as np

from tidegate.deid.tables.encoding import Packed
from tidegate.deid.tables.model import (
    Distance,
    DistinctL,
    Question,
    TableInput,
    TCloseness,
)
from tidegate.deid.tables.privacy import (
    CLOSE,
    Pairs,
    Tally,
    ValueCriterion,
    columns_of,
    count_pairs,
    failing,
    least_size,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tidegate.deid.tables.grouping import Kernels

    Ids = NDArray[np.int32]
    Words = NDArray[np.uint64]
    Flags = NDArray[np.bool_]


def bounds_of(table: TableInput, question: Question) -> int:
    """Return the records without which no class can hold the criteria.

    For t-closeness with equal distances: a class of s records has at most s values, so its distance
    is at least what the s most frequent values lack of the whole.
    """
    least = least_size(question.criteria)
    for one in question.criteria:
        if isinstance(one, TCloseness) and one.distance is Distance.EQUAL:
            column = table.find_sensitive(one.column)
            if column is not None:
                counts = np.sort(np.bincount(column.codes))[::-1]
                reach = np.cumsum(counts) / counts.sum()
                least = max(least, int(np.searchsorted(reach, 1 - one.t - CLOSE)) + 1)
    return least


class Safety:
    """Which groups of the entries of a packed table hold the criteria."""

    def __init__(
        self, table: TableInput, question: Question, packed: Packed, loops: "Kernels"
    ) -> None:
        self._asked = [one for one in question.criteria if isinstance(one, ValueCriterion)]
        names = columns_of(question.criteria)
        self._columns = [column for column in table.sensitive if column.name in names]
        self._values = [column.codes[packed.first] for column in self._columns]
        self._packed, self._loops, self._rows = packed, loops, table.rows
        self._whole = [
            np.bincount(column.codes, minlength=len(column.values)) for column in self._columns
        ]
        self.least = bounds_of(table, question)
        """No smaller group is safe."""

    @property
    def is_plain(self) -> bool:
        """Tell whether the size of a group says everything."""
        return not self._asked

    def judge(self, ids: "Ids", count: int, entries: "Ids") -> "Flags":
        """Return which groups are safe; `ids` has the group of each of some entries."""
        weights = self._packed.weights[entries]
        sizes = np.bincount(ids, weights, count).astype(np.int64)
        safe = sizes >= self.least
        if self.is_plain or not safe.any():
            return safe
        large = safe[ids]
        rank = (np.cumsum(safe) - 1).astype(np.int32)
        held = int(safe.sum())
        kept = (rank[ids[large]], entries[large], weights[large].astype(np.int64))
        inner = np.append(sizes[safe], self._rows - int(sizes[safe].sum()))
        pairs = {
            column.name: self._with_others(column_at, held, *kept)
            for column_at, column in enumerate(self._columns)
        }
        tally = Tally(inner, pairs)
        fine = np.ones(held, bool)
        for one in self._asked:
            fine &= ~failing(one, tally)[:held]
        safe[safe] = fine
        return safe

    def _with_others(
        self,
        column_at: int,
        held: int,
        ids: "Ids",
        entries: "Ids",
        weights: "NDArray[np.int64]",
    ) -> Pairs:
        """Count pairs of groups and values, and put all other records into one last group."""
        column, whole = self._columns[column_at], self._whole[column_at]
        values = self._values[column_at][entries]
        inside = self._count(column_at, ids, values, weights)
        other = whole - np.bincount(inside.values, inside.counts, len(whole)).astype(np.int64)
        rest = np.flatnonzero(other)
        return Pairs(
            column,
            np.concatenate((inside.places, np.full(len(rest), held))),
            np.concatenate((inside.values, rest)),
            np.concatenate((inside.counts, other[rest])),
        )

    def _count(
        self, column_at: int, ids: "Ids", values: "Ids", weights: "NDArray[np.int64]"
    ) -> Pairs:
        column = self._columns[column_at]
        if all(_is_orderless(one) for one in self._asked):
            keys = ids.astype(np.uint64) << np.uint64(32) | values.astype(np.uint64)
            groups = self._loops.group(keys, weights.astype(np.int32), None, _ALL)
            places = (groups.keys >> np.uint64(32)).astype(np.int64)
            found = (groups.keys & _LOW).astype(np.int64)
            return Pairs(column, places, found, groups.weights.astype(np.int64))
        return count_pairs(column, ids, values, weights)


_ALL = np.array([~np.uint64(0)])
_LOW = np.uint64(0xFFFFFFFF)


def _is_orderless(one: ValueCriterion) -> bool:
    """Tell whether a criterion may be counted from pairs in any order, sums being of integers."""
    if isinstance(one, TCloseness):
        return one.distance is Distance.EQUAL
    return isinstance(one, DistinctL)
