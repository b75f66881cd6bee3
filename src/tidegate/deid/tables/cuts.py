"""The compiled loop of Mondrian: cut the records in two for as long as both parts stand.

One source for both ways of running it (see `compiling`): sums are of whole numbers or in a fixed
order, so that the answer is the same to the last bit.
"""

from typing import Any, NamedTuple

import numpy as np

from tidegate.deid.tables.compiling import compiled
from tidegate.deid.tables.sweeps import count, divide, split, survey

DISTINCT, ENTROPY, RECURSIVE, EQUAL, ORDERED, HIERARCHICAL = range(6)


class Space(NamedTuple):
    """The hierarchies of all columns, padded to one size: [column, level, leaf]."""

    numbers: Any
    losses: Any
    heights: Any
    leaves: Any
    runs: Any
    """From which leaf on a run of neighbours is an interval; the number of leaves if never."""
    weights: Any


class Rules(NamedTuple):
    """What a part must hold beside its size: one entry a criterion."""

    kinds: Any
    columns: Any
    """Which sensitive column, counted from the first."""
    bounds: Any
    second: Any
    """The l of recursive l-diversity; the height of the tree of values for t-closeness."""
    trees: Any
    """[criterion, level, value] -> number of the label."""
    whole: Any
    """[criterion, value] -> records of the whole table."""
    close: float


class Work(NamedTuple):
    """Memory of the loop, taken once."""

    low: Any
    high: Any
    counts: Any
    lows: Any
    highs: Any
    scores: Any
    places: Any
    left: Any
    right: Any
    spare: Any


@compiled
def span_loss(space: Any, column: int, low: int, high: int) -> Any:
    """Return the penalty of the tightest label or interval over leaves from low to high."""
    if low == high:
        return 0.0
    if low >= space.runs[column]:
        return (high - low) / (space.leaves[column] - 1.0)
    level = join_level(space, column, low, high)
    return space.losses[column, level, low]


@compiled
def join_level(space: Any, column: int, low: int, high: int) -> Any:
    """Return the lowest level at which two leaves have one label."""
    level = 0
    while space.numbers[column, level, low] != space.numbers[column, level, high]:
        level += 1
    return level


@compiled
def _weigh(space: Any, column: int, bins: int, k: int, work: Any) -> None:
    """Find the cut of a column that saves most loss; among equals the most balanced."""
    low, high = work.low[column], work.high[column]
    records = 0
    for child in range(bins):
        records += work.counts[child]
    now = span_loss(space, column, low, high) * records
    work.scores[column], work.places[column] = -1.0, -1
    before, last, child = 0, low, 0
    while child < bins - 1:
        if work.counts[child] == 0:
            child += 1
            continue
        before += work.counts[child]
        last = work.highs[child]
        following = child + 1
        while work.counts[following] == 0:
            following += 1
        if records - before < k:
            break
        if before >= k:
            after = records - before
            left = span_loss(space, column, low, last) * before
            right = span_loss(space, column, work.lows[following], high) * after
            score = space.weights[column] * (now - left - right) / records
            score += 1e-6 * min(before, after) / records
            if score > work.scores[column]:
                work.scores[column], work.places[column] = score, last
        child = following


@compiled
def _distance(rules: Any, rule: int, held: Any, records: int, spare: Any) -> Any:
    """Return the earth mover's distance of a part's values from the whole table's."""
    whole = rules.whole[rule]
    total = 0
    for value in range(len(whole)):
        total += whole[value]
    kind, moved, running, present = rules.kinds[rule], 0.0, 0.0, 0
    if kind == HIERARCHICAL:
        return _climb(rules, rule, held, records, spare)
    for value in range(len(whole)):
        extra = held[value] / records - whole[value] / total
        present += 1 if whole[value] > 0 else 0
        if kind == EQUAL:
            moved += max(extra, 0.0)
        else:
            running += extra
            moved += abs(running) if whole[value] > 0 else 0.0
    return moved if kind == EQUAL else moved / max(present - 1, 1)


@compiled
def _climb(rules: Any, rule: int, held: Any, records: int, spare: Any) -> Any:
    whole, tree, height = rules.whole[rule], rules.trees[rule], int(rules.second[rule])
    total = 0
    for value in range(len(whole)):
        total += whole[value]
    surplus, much, want = spare
    surplus[:] = 0.0
    for value in range(len(whole)):
        surplus[tree[0, value]] += held[value] / records - whole[value] / total
    moved = 0.0
    for level in range(1, height):
        much[:] = 0.0
        want[:] = 0.0
        for value in range(len(whole)):
            own = tree[level - 1, value]
            if value == _leader(tree, level - 1, value):
                up = tree[level, value]
                much[up] += max(surplus[own], 0.0)
                want[up] += max(-surplus[own], 0.0)
        for label in range(len(whole)):
            moved += level * min(much[label], want[label])
            surplus[label] = much[label] - want[label]
    return moved / max(height - 1, 1)


@compiled
def _leader(tree: Any, level: int, value: int) -> Any:
    """Return the first value with the same label."""
    first = 0
    while tree[level, first] != tree[level, value]:
        first += 1
    return first


@compiled
def _recursive(rules: Any, rule: int, held: Any) -> Any:
    """Tell whether the most frequent is below c times all from the l-th on."""
    ranked = np.sort(held)[::-1]
    tail = 0
    for place in range(int(rules.second[rule]) - 1, len(ranked)):
        tail += ranked[place]
    return ranked[0] < rules.bounds[rule] * tail


@compiled
def _holds(rules: Any, rule: int, held: Any, records: int, spare: Any) -> Any:
    kind, bound = rules.kinds[rule], rules.bounds[rule]
    if kind == DISTINCT:
        return np.count_nonzero(held) >= bound - rules.close
    if kind == ENTROPY:
        entropy = 0.0
        for value in range(len(held)):
            if held[value] > 0:
                share = held[value] / records
                entropy -= share * np.log(share)
        return entropy >= np.log(bound) - rules.close
    if kind == RECURSIVE:
        return _recursive(rules, rule, held)
    return _distance(rules, rule, held, records, spare) <= bound + 1e-12


@compiled
def _stand(rows: Any, part: Any, cut: Any, rules: Any, work: Any) -> Any:
    """Tell whether both sides of a cut hold every criterion."""
    for rule in range(len(rules.kinds)):
        lower = divide(rows, part, cut, len(work.low) + rules.columns[rule], work)
        upper = part[1] - part[0] - lower
        if not (
            _holds(rules, rule, work.left, lower, work.spare)
            and _holds(rules, rule, work.right, upper, work.spare)
        ):
            return False
    return True


@compiled
def _consider(rows: Any, part: Any, space: Any, k: int, work: Any) -> None:
    """Weigh the cuts of every column of a part."""
    for column in range(len(work.low)):
        work.scores[column], work.places[column] = -1.0, -1
        low, high = work.low[column], work.high[column]
        if low == high:
            continue
        level = 0
        if low < space.runs[column]:
            level = join_level(space, column, low, high) - 1
        bins = count(rows, part, column, space.numbers[column, level], work)
        _weigh(space, column, bins, k, work)


@compiled
def _choose(rows: Any, part: Any, rules: Any, work: Any) -> Any:
    """Return the best cut that stands, or column -1."""
    while True:
        column = -1
        for other in range(len(work.low)):
            if work.places[other] >= 0 and (column < 0 or work.scores[other] > work.scores[column]):
                column = other
        if column < 0:
            return -1, -1
        place = work.places[column]
        if len(rules.kinds) == 0 or _stand(rows, part, (column, place), rules, work):
            return column, place
        work.places[column] = -1


@compiled
def grow(table: Any, starts: Any, space: Any, rules: Any, k: int, work: Any) -> Any:
    """Cut the parts of a table until no cut stands; return the class of each row, and how many.

    `table` is rows of leaves (quasi-identifiers first, then sensitive columns), and the records'
    numbers; both are put in the order of the classes. `starts` says where each part begins, and
    where the last ends.
    """
    rows, ids, spare = table
    classes = np.empty(len(rows), np.int32)
    waiting = [(starts[part - 1], starts[part]) for part in range(len(starts) - 1, 0, -1)]
    made = 0
    while len(waiting) > 0:
        part = waiting.pop()
        column, place = -1, -1
        if part[1] - part[0] >= 2 * k:
            survey(rows, part[0], part[1], work)
            _consider(rows, part, space, k, work)
            column, place = _choose(rows, part, rules, work)
        if column < 0:
            classes[part[0] : part[1]] = made
            made += 1
            continue
        middle = split(rows, ids, part, (column, place), spare)
        waiting.append((middle, part[1]))
        waiting.append((part[0], middle))
    return classes, made
