"""Cut a sample top-down into few large parts, and find the part of any record."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from tidegate.deid.tables.labels import Ladder
from tidegate.deid.tables.model import TableInput
from tidegate.kernel.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes: TypeAlias = NDArray[np.int32]
    Places: TypeAlias = NDArray[np.int64]

MOST_PARTS = 1 << 12
_LEAST_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut: leaves of a column up to `place` go to the first side, the others to the second."""

    column: int
    place: int
    sides: "tuple[Cut | int, Cut | int]"


@dataclass(frozen=True, slots=True)
class Parting:
    """A tree of cuts whose ends are the numbers of parts."""

    tree: Cut | int
    count: int

    def place(self, columns: "list[Codes]") -> "Places":
        """Return the part of every record."""
        found = np.zeros(len(columns[0]), np.int64)
        waiting: list[tuple[Cut | int, Places]] = [(self.tree, np.arange(len(found)))]
        while waiting:
            node, mine = waiting.pop()
            if isinstance(node, int):
                found[mine] = node
                continue
            first = columns[node.column][mine] <= node.place
            waiting += [(node.sides[0], mine[first]), (node.sides[1], mine[~first])]
        return found

    def joined(self, bears: "Callable[[Places], bool]") -> "list[Places]":
        """Join parts that do not bear what is asked with their neighbours in the tree.

        All parts together must bear it. Parts that find no neighbour go to the last that do.
        """
        groups: list[Places] = []

        def walk(node: Cut | int) -> "Places":
            """Return the parts under a node that are in no group yet."""
            if isinstance(node, int):
                left = np.array([node], np.int64)
            else:
                left = np.concatenate([walk(side) for side in node.sides])
            if len(left) and bears(left):
                groups.append(left)
                left = left[:0]
            return left

        over = walk(self.tree)
        groups[-1] = np.concatenate([groups[-1], over])
        return groups


def part(sample: TableInput, most: int) -> Parting:
    """Cut a sample until no part has more than `most` records, or none can be cut."""
    ladders = [Ladder(column.hierarchy) for column in sample.quasi]
    weights = [column.weight for column in sample.quasi]
    columns = [column.codes for column in sample.quasi]
    count = 0

    def grow(mine: "Places") -> Cut | int:
        nonlocal count
        best = None
        if len(mine) > most and count < MOST_PARTS:
            found = [
                _best(ladder, codes[mine], weight)
                for ladder, codes, weight in zip(ladders, columns, weights, strict=True)
            ]
            best = max(range(len(found)), key=lambda at: found[at][0])
        if best is None or found[best][0] <= 0:
            count += 1
            return count - 1
        place = found[best][1]
        first = columns[best][mine] <= place
        return Cut(best, place, (grow(mine[first]), grow(mine[~first])))

    tree = grow(np.arange(sample.rows))
    return Parting(tree, count)


def _best(ladder: Ladder, codes: "Codes", weight: float) -> tuple[float, int]:
    """Return what the cut of a column nearest to its median gains, and its place; 0 if none."""
    low, high = int(codes.min()), int(codes.max())
    if low == high:
        return 0.0, low
    edges = ladder.edges(low, high)
    counts = np.cumsum(np.bincount(codes, minlength=high + 1))
    shares = counts[edges] / len(codes)
    place = int(edges[np.argmin(np.abs(shares - 0.5))])
    share = float(counts[place]) / len(codes)
    if not _LEAST_SHARE <= share <= 1 - _LEAST_SHARE:
        return 0.0, place
    first, second = codes[codes <= place], codes[codes > place]
    ends = np.array([[low, first.min(), second.min()], [high, first.max(), second.max()]], np.int32)
    whole, left, right = ladder.losses(ends[0], ends[1]).tolist()
    return weight * (whole - share * left - (1 - share) * right) + 1e-9, place
