"""Nested differences: what two partitions of the same people let a reader compute of a few.

Two results that tell about curves share people step by step. A reader knows how many are in each
set of either result, and may know which sets cannot share anybody, as steps apart in time. What
they can compute of a shared group is an interval: the flows that fit a two-way table whose margins
are known. No shared group of fewer than `least` people has an interval narrower than `least`
exactly when no union of sets of one result holds a union of the other's and a few people more
(docs/explanation/safe-results.md has the proof). Such a nested difference is a cut of the graph
that joins sets by the people they share, with nobody on one of its two sides.
"""

from collections import deque

import numpy as np
import numpy.typing as npt

from tidegate.lab.errors import TooManyToCompareError

Shared = npt.NDArray[np.int64]
MOST_ARCS = 5_000_000
"""How many arcs one comparison may look at: some seconds, and hundreds of curves of fine steps."""
_ENDLESS = 1 << 60


class Effort:
    """How much may still be searched: the time of a comparison is bounded, and never cut short.

    Counted in arcs looked at, so that the same releases are refused or let through anywhere.
    """

    def __init__(self, most: int | None = None) -> None:
        self._left = MOST_ARCS if most is None else most

    def spend(self, arcs: int) -> None:
        """Take from what is left; raise TooManyToCompareError when it is not enough."""
        self._left -= arcs
        if self._left < 0:
            raise TooManyToCompareError(
                "So many curves were released on these data that this result cannot be held against"
                " all of them in good time. Ask for longer steps or fewer groups.",
                code="too_many_to_compare",
            )


def has_nested_difference(shared: Shared, least: int, effort: Effort) -> bool:
    """Tell whether a union of rows holds a union of columns and 1 to least - 1 more, or vice versa.

    `shared` counts the people in each row and column at once. Nodes that no such difference can
    part are merged: those that share `least` people or more, those that hold each other, and both
    ends of an arc when the lightest difference across it, a maximum flow, is heavy enough.
    """
    arcs = _merged(shared, least, effort)
    count = sum(map(len, arcs))
    tree = list(range(len(arcs)))
    for start, near in enumerate(arcs):
        for end in near:
            one, other = _root(tree, start), _root(tree, end)
            if one == other:
                continue
            effort.spend(count)
            if _lightest_across(arcs, start, end, least) < least:
                return True
            tree[other] = one
    return False


def _root(tree: list[int], node: int) -> int:
    while tree[node] != node:
        tree[node] = node = tree[tree[node]]
    return node


def _merged(shared: Shared, least: int, effort: Effort) -> list[dict[int, int]]:
    """Merge what cannot be parted until nothing changes; return the arcs left, by their start.

    An arc leads from a set of rows to the columns they share people with.
    """
    height, width = shared.shape
    rows, columns = np.nonzero(shared)
    starts, ends, weights = rows, height + columns, shared[rows, columns]
    count = height + width
    while True:
        effort.spend(len(starts))
        flow = np.zeros((count, count), dtype=np.int64)
        np.add.at(flow, (starts, ends), weights)
        np.fill_diagonal(flow, 0)
        groups = _strongly_joined((flow > 0) | (flow + flow.T >= least))
        used, places = np.unique(groups, return_inverse=True)
        if len(used) == count:
            return [{int(b): int(row[b]) for b in np.flatnonzero(row)} for row in flow]
        starts, ends, count = places[starts], places[ends], len(used)


def _strongly_joined(joined: npt.NDArray[np.bool_]) -> list[int]:
    """Return for each node the group of nodes that lead to each other (Kosaraju, Sharir)."""
    onward = [np.flatnonzero(row).tolist() for row in joined]
    back = [np.flatnonzero(row).tolist() for row in joined.T]
    order, seen = [], [False] * len(onward)
    for root in range(len(onward)):
        if seen[root]:
            continue
        seen[root] = True
        stack = [(root, iter(onward[root]))]
        while stack:
            node, rest = stack[-1]
            there = next((one for one in rest if not seen[one]), None)
            if there is None:
                order.append(stack.pop()[0])
            else:
                seen[there] = True
                stack.append((there, iter(onward[there])))
    group = [-1] * len(onward)
    for root in reversed(order):
        waiting = [root] if group[root] < 0 else []
        while waiting:
            node = waiting.pop()
            group[node] = root
            waiting += [one for one in back[node] if group[one] < 0]
    return group


def _lightest_across(arcs: list[dict[int, int]], start: int, end: int, least: int) -> int:
    """Return the lightest nested difference that holds `end` but not `start`, up to `least`.

    It is a maximum flow: each arc lets its people through, and back again any number, since an arc
    that left the difference would be people on its other side.
    """
    spare: list[dict[int, int]] = [dict(near) for near in arcs]
    for node, near in enumerate(arcs):
        for there in near:
            spare[there][node] = _ENDLESS
    total = 0
    while total < least:
        path = _path(spare, start, end)
        if not path:
            break
        step = min([least - total, *(spare[a][b] for a, b in path)])
        for a, b in path:
            spare[a][b] -= step
            spare[b][a] += step
        total += step
    return total


def _path(spare: list[dict[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    """Return the arcs of a shortest way that has room, or none."""
    came = {start: start}
    queue = deque([start])
    while queue and end not in came:
        node = queue.popleft()
        for there, room in spare[node].items():
            if room and there not in came:
                came[there] = node
                queue.append(there)
    path, node = [], end
    while node in came and node != start:
        path.append((came[node], node))
        node = came[node]
    return path
