"""Whether classes hold what is asked of them, from counts alone.

A `Tally` is what the search knows of a set of classes: sizes, and for each sensitive column how
often each value stands in each class. Comparisons are made on whole numbers as far as they go, so
that the engine and the independent verifier draw the line at the same place.
"""

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from tidegate.deid.tables.encoding import label_numbers
from tidegate.deid.tables.model import (
    Attacker,
    Criterion,
    DeltaPresence,
    Distance,
    DistinctL,
    EntropyL,
    Hierarchy,
    KAnonymity,
    RecursiveL,
    RiskThreshold,
    SensitiveColumn,
    TableInput,
    TCloseness,
)
from tidegate.kernel.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Counts: TypeAlias = NDArray[np.int64]
    Flags: TypeAlias = NDArray[np.bool_]

CLOSE = 1e-9
"""What is nearer to a bound than this reaches it: the last digits of logarithms and decimals."""

_BLOCK = 1 << 22

ValueCriterion: TypeAlias = DistinctL | EntropyL | RecursiveL | TCloseness


@dataclass(frozen=True, slots=True)
class Pairs:
    """How often each value of a sensitive column stands in each class; absent pairs are left out.

    Pairs ascend by class, then by value.
    """

    column: SensitiveColumn
    places: "Counts"
    values: "Counts"
    counts: "Counts"


@dataclass(frozen=True, slots=True)
class Tally:
    """The sizes of classes, and their pairs by the name of the sensitive column."""

    sizes: "Counts"
    pairs: "Mapping[str, Pairs]"

    def of(self, name: str) -> Pairs:
        """Return the pairs of a column."""
        return self.pairs[name]

    def without(self, out: "Flags") -> "Tally":
        """Return the tally of the classes that stay; those that are out have no record."""
        pairs = {
            name: Pairs(
                own.column, own.places, own.values, np.where(out[own.places], 0, own.counts)
            )
            for name, own in self.pairs.items()
        }
        return Tally(np.where(out, 0, self.sizes), pairs)


def count_table(table: TableInput, classes: "NDArray[np.int32]", names: "tuple[str, ...]") -> Tally:
    """Count classes over records; records of class -1 are left out."""
    kept = np.flatnonzero(classes >= 0)
    count = int(classes.max(initial=-1)) + 1
    sizes = np.bincount(classes[kept], minlength=count)
    pairs = {}
    for column in table.sensitive:
        if column.name in names:
            mine = (classes[kept], column.codes[kept], np.ones(len(kept), np.int64))
            pairs[column.name] = count_pairs(column, *mine)
    return Tally(sizes, pairs)


def count_pairs(
    column: SensitiveColumn,
    classes: "NDArray[np.int32]",
    values: "NDArray[np.int32]",
    weights: "NDArray[np.int64]",
) -> Pairs:
    """Add up entries of equal class and value."""
    width = len(column.values)
    both = classes.astype(np.int64) * width + values
    found, place = np.unique(both, return_inverse=True)
    counts = np.bincount(place, weights, len(found)).astype(np.int64)
    return Pairs(column, found // width, found % width, counts)


def columns_of(criteria: tuple[Criterion, ...]) -> tuple[str, ...]:
    """Return the sensitive columns that criteria name, each once."""
    return tuple(dict.fromkeys(one.column for one in criteria if isinstance(one, ValueCriterion)))


def least_size(criteria: tuple[Criterion, ...]) -> int:
    """Return the records that every class needs for k and for the prosecutor's risk."""
    sizes = [1]
    for one in criteria:
        if isinstance(one, KAnonymity):
            sizes.append(one.k)
        elif isinstance(one, RiskThreshold) and one.attacker is Attacker.PROSECUTOR:
            sizes.append(smallest_for(one.most))
        elif isinstance(one, DistinctL | EntropyL):
            sizes.append(math.ceil(one.l - CLOSE))
    return max(sizes)


def smallest_for(risk: float) -> int:
    """Return the least class size whose inverse is within a risk; 0.09 needs 12, 1/11 needs 11."""
    return math.ceil(1 / risk - CLOSE)


def is_inherited(criterion: Criterion) -> bool:
    """Tell whether a part of a failing class always fails too.

    Only then does suppression shrink when classes are generalised: k, distinct l and the risks of
    one class (El Emam et al. 2009, "A globally optimal k-anonymity method", section 3). Entropy and
    recursive l, t and delta-presence may hold in a part of a class that fails.
    """
    if isinstance(criterion, RiskThreshold):
        return criterion.attacker is not Attacker.MARKETER
    return isinstance(criterion, KAnonymity | DistinctL)


def failing(criterion: Criterion, tally: Tally, people: "Counts | None" = None) -> "Flags":
    """Return the classes that do not hold a criterion; `people` of the population per class.

    The marketer's risk is no matter of one class and fails none.
    """
    match criterion:
        case KAnonymity(k):
            return tally.sizes < k
        case RiskThreshold(Attacker.MARKETER):
            return np.zeros(len(tally.sizes), bool)
        case RiskThreshold(attacker, most):
            exposed = tally.sizes if attacker is Attacker.PROSECUTOR or people is None else people
            return exposed < smallest_for(most)
        case DeltaPresence(least, most):
            among = np.maximum(tally.sizes if people is None else people, 1)
            rate = tally.sizes / among
            return (rate < least - CLOSE) | (rate > most + CLOSE)
        case _:
            return _failing_values(criterion, tally.sizes, tally.of(criterion.column))


def judge(
    table: TableInput,
    criteria: tuple[Criterion, ...],
    classes: "NDArray[np.int32]",
    people: "Mapping[int, Counts] | None" = None,
) -> "Flags":
    """Return which classes hold all criteria that are about one class; -1 in `classes` is out.

    t is measured against the records that are given as published. `people` are those of a
    criterion's population in each class, by the criterion's place; without them the records stand
    for the population.
    """
    tally = count_table(table, classes, columns_of(criteria))
    fine = np.ones(len(tally.sizes), bool)
    for place, one in enumerate(criteria):
        fine &= ~failing(one, tally, (people or {}).get(place))
    return fine


def mean_risk(tally: Tally, people: "Counts | None" = None) -> float:
    """Return the marketer's risk: the mean over records of one over the people of the class."""
    among = tally.sizes if people is None else np.maximum(people, 1)
    return float((tally.sizes / among).sum() / max(int(tally.sizes.sum()), 1))


def _failing_values(criterion: ValueCriterion, sizes: "Counts", pairs: Pairs) -> "Flags":
    if isinstance(criterion, DistinctL):
        found = np.bincount(pairs.places, pairs.counts > 0, len(sizes))
        return np.asarray(found < criterion.l - CLOSE)
    if isinstance(criterion, EntropyL):
        parts = pairs.counts * np.log(np.maximum(pairs.counts, 1))
        logs = np.bincount(pairs.places, parts, len(sizes))
        entropy = np.log(np.maximum(sizes, 1)) - logs / np.maximum(sizes, 1)
        return entropy < math.log(criterion.l) - CLOSE
    if isinstance(criterion, RecursiveL):
        return ~_is_recursive(criterion, sizes, pairs)
    moved, scale = distances(criterion.distance, sizes, pairs)
    return moved > criterion.t * sizes * scale * (1 + 1e-12)


def _is_recursive(criterion: RecursiveL, sizes: "Counts", pairs: Pairs) -> "Flags":
    """Return r1 < c (r_l + ... + r_m) for every class: the top against what follows the l-th."""
    order = np.lexsort((-pairs.counts, pairs.places))
    places, counts = pairs.places[order], pairs.counts[order]
    starts = np.searchsorted(places, np.arange(len(sizes)))
    rank = np.arange(len(places)) - starts[places]
    top = np.bincount(places[rank == 0], counts[rank == 0], len(sizes))
    late = rank >= criterion.l - 1
    tail = np.bincount(places[late], counts[late], len(sizes))
    return np.asarray(top < criterion.c * tail * (1 - 1e-12))


def distances(kind: Distance, sizes: "Counts", pairs: Pairs) -> "tuple[Counts, int]":
    """Return each class's distance from the whole, times its size, and what else to divide by.

    Earth mover's distances of Li, Li, Venkatasubramanian 2007, section 5: equal, ordered over the
    values that are published, and hierarchical.
    """
    whole = np.bincount(pairs.values, pairs.counts, len(pairs.column.values)).astype(np.int64)
    total = max(int(whole.sum()), 1)
    if kind is Distance.EQUAL:
        over = pairs.counts * total - whole[pairs.values] * sizes[pairs.places]
        moved = np.bincount(pairs.places, np.maximum(over, 0), len(sizes))
        return moved.astype(np.int64), total
    if kind is Distance.ORDERED:
        present = np.flatnonzero(whole)
        moved = _moved(sizes, pairs, whole, lambda block: _along(block[:, present]))
        return moved, total * max(len(present) - 1, 1)
    tree = pairs.column.hierarchy
    if tree is None:
        return distances(Distance.EQUAL, sizes, pairs)
    climbed = _Climb(tree, pairs.column.values)
    return _moved(sizes, pairs, whole, climbed.cost), total * max(tree.height - 1, 1)


def _along(block: "Counts") -> "Counts":
    flow: Counts = np.abs(np.cumsum(block, axis=1))[:, :-1].sum(axis=1)
    return flow


class _Climb:
    """What moves through each node of a tree: the lesser of its children's surplus and want."""

    def __init__(self, tree: Hierarchy, values: tuple[str, ...]) -> None:
        leaf = {text: place for place, text in enumerate(tree.leaves)}
        self._places = np.array([leaf.get(value, 0) for value in values], np.int64)
        self._levels = [label_numbers(labels) for labels in tree.labels]

    def cost(self, block: "Counts") -> "Counts":
        """Return the flow of each row of surpluses, level by level, dearer the higher."""
        below = np.zeros((len(block), len(self._levels[0])), np.int64)
        np.add.at(below.T, self._places, block.T)
        flow = np.zeros(len(block), np.int64)
        for height in range(1, len(self._levels)):
            parent = np.zeros(int(self._levels[height - 1].max()) + 1, np.int64)
            parent[self._levels[height - 1]] = self._levels[height]
            much = np.zeros((len(block), int(parent.max()) + 1), np.int64)
            want = much.copy()
            np.add.at(much.T, parent, np.maximum(below[:, : len(parent)], 0).T)
            np.add.at(want.T, parent, np.maximum(-below[:, : len(parent)], 0).T)
            flow += height * np.minimum(much, want).sum(axis=1)
            below = much - want
        return flow


def _moved(
    sizes: "Counts", pairs: Pairs, whole: "Counts", cost: "Callable[[Counts], Counts]"
) -> "Counts":
    """Apply a cost to the surpluses of blocks of classes (times class size and records)."""
    total, step = int(whole.sum()), max(_BLOCK // max(len(whole), 1), 1)
    moved = np.zeros(len(sizes), np.int64)
    for first in range(0, len(sizes), step):
        last = min(first + step, len(sizes))
        start, stop = np.searchsorted(pairs.places, [first, last])
        block = -np.outer(sizes[first:last], whole)
        mine = slice(start, stop)
        block[pairs.places[mine] - first, pairs.values[mine]] += pairs.counts[mine] * total
        moved[first:last] = cost(block)
    return moved
