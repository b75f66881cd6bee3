"""t-closeness of the published classes (Li, Li, Venkatasubramanian 2007, section 5), exactly.

The earth mover's distance of a class from the whole published table is a sum of whole numbers over
(class size × records × a constant), so the farthest class is found as a fraction.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from tidegate.deid.verifier.classes import Counts, Pairs
from tidegate.deid.verifier.errors import ClaimInvalidError
from tidegate.deid.verifier.model import Tree

_BLOCK = 1 << 20
_CLOSE = 1e-9


def equal_distance(pairs: Pairs) -> Fraction:
    """Return the farthest class where all values are equally far apart: half the sum of |p - q|."""
    total = int(pairs.sizes.sum())
    sums = np.zeros(len(pairs.sizes), np.int64)
    for start in range(0, len(pairs.places), _BLOCK):
        block = slice(start, start + _BLOCK)
        places, values = pairs.places[block], pairs.values[block]
        over = pairs.counts[block] * total - pairs.whole[values] * pairs.sizes[places]
        np.add.at(sums, places, np.maximum(over, 0))
    return _farthest(sums, pairs.sizes, total)


def ordered_distance(pairs: Pairs, order: Sequence[str | None] | None) -> Fraction:
    """Return the farthest class where values stand in a row: sums of |p - q| up to each, over m-1.

    m counts the values that are published. Without an order, values must be numbers.
    """
    ranks = _ranks(pairs, order)
    present = np.flatnonzero(pairs.whole > 0)
    line = present[np.argsort(ranks[present], kind="stable")]
    steps = max(len(line) - 1, 1)
    total = int(pairs.sizes.sum())

    def move(block: Counts) -> Counts:
        flow: Counts = np.abs(np.cumsum(block[:, line], axis=1))[:, :-1].sum(axis=1)
        return flow

    return _farthest(_moved(pairs, move), pairs.sizes, total * steps)


def hierarchical_distance(pairs: Pairs, tree: Tree) -> Fraction:
    """Return the farthest class where two values are as far as the height of what joins them.

    What moves through a node is the lesser of what its children have too much and too little
    (ibid., section 5.2); it costs the node's height over the tree's.
    """
    leaves = {row[0]: place for place, row in enumerate(tree)}
    _check_tree(tree, leaves, pairs)
    height = len(tree[0]) - 1
    total = int(pairs.sizes.sum())
    place_of = np.array([leaves.get(text or "", 0) for text in pairs.texts])
    groups = [_numbered([row[level] for row in tree]) for level in range(height + 1)]

    def move(block: Counts) -> Counts:
        flow = np.zeros(len(block), np.int64)
        below = np.zeros((len(block), len(tree)), np.int64)
        np.add.at(below.T, place_of, block.T)
        for level in range(1, height + 1):
            parents = _parents(groups[level - 1], groups[level])
            much = np.zeros((len(block), int(groups[level].max()) + 1), np.int64)
            little = much.copy()
            np.add.at(much.T, parents, np.maximum(below, 0).T)
            np.add.at(little.T, parents, np.maximum(-below, 0).T)
            flow += level * np.minimum(much, little).sum(axis=1)
            below = much - little
        return flow

    return _farthest(_moved(pairs, move), pairs.sizes, total * max(height, 1))


def _check_tree(tree: Tree, leaves: dict[str, int], pairs: Pairs) -> None:
    published = zip(pairs.texts, pairs.whole, strict=True)
    unknown = sum(bool(n) and (text or "") not in leaves for text, n in published)
    even = len({len(row) for row in tree}) == len({row[-1] for row in tree}) == 1
    if unknown or not even or len(leaves) != len(tree):
        raise ClaimInvalidError(
            f"The hierarchy of a sensitive column does not fit: {unknown} published values are not "
            "among its leaves, or its rows do not end in one label; claim the right one.",
            code="tree_misfit",
        )


def _moved(pairs: Pairs, move: Callable[[Counts], Counts]) -> Counts:
    """Apply `move` to every class's surplus of each value (times class size and records)."""
    width, total = len(pairs.whole), int(pairs.sizes.sum())
    step = max(4 * _BLOCK // width, 1)
    moved = np.zeros(len(pairs.sizes), np.int64)
    for first in range(0, len(pairs.sizes), step):
        last = min(first + step, len(pairs.sizes))
        start, stop = np.searchsorted(pairs.places, [first, last])
        block = -np.outer(pairs.sizes[first:last], pairs.whole)
        block[pairs.places[start:stop] - first, pairs.values[start:stop]] += (
            pairs.counts[start:stop] * total
        )
        moved[first:last] = move(block)
    return moved


def _farthest(sums: Counts, sizes: Counts, scale: int) -> Fraction:
    rough = sums / sizes
    near = rough >= rough.max() * (1 - _CLOSE)
    worst = {*zip(sums[near].tolist(), sizes[near].tolist(), strict=True)}
    return max(Fraction(much, size * scale) for much, size in worst)


def _ranks(pairs: Pairs, order: Sequence[str | None] | None) -> Counts:
    published = [text for text, n in zip(pairs.texts, pairs.whole, strict=True) if n]
    if order is None:
        try:
            numbers = {text: Fraction(text or "") for text in published}
        except ValueError:
            raise ClaimInvalidError(
                "A sensitive column's values are not all numbers; claim the order they stand in.",
                code="order_missing",
            ) from None
        order = sorted(numbers, key=lambda text: numbers[text])
    places = {text: place for place, text in enumerate(order)}
    if any(text not in places for text in published):
        raise ClaimInvalidError(
            "The claimed order of a sensitive column lacks values that are published.",
            code="order_misfit",
        )
    return np.array([places.get(text, len(places)) for text in pairs.texts], np.int64)


def _numbered(labels: list[str]) -> Counts:
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], np.int64)


def _parents(children: Counts, parents: Counts) -> Counts:
    """Return the parent of every child; a child with two is no tree."""
    found = np.full(int(children.max()) + 1, -1, np.int64)
    found[children] = parents
    if (found[children] != parents).any():
        raise ClaimInvalidError(
            "The hierarchy of a sensitive column is no tree: a label stands under two others.",
            code="tree_misfit",
        )
    return found
