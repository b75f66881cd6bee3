"""Which cells to hide: primary and complementary suppression, with an exact audit.

A table with its margins is a network: each cell, margin and the total is an arc that carries its
count, and at each node as much flows in as out. What a reader of the shown numbers can learn of a
hidden one is the interval of flows that fit; both its ends are maximum flows through the hidden
arcs (L.H. Cox, "Network models for complementary cell suppression", JASA 90, 1995). A hidden arc
is safe when that interval is at least `enough` wide, even if the shown numbers were exact.
"""

import heapq
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import replace

from tidegate.kernel.values import dataclass

_ENDLESS = 1 << 60
_Came = dict[int, tuple[int, int, bool]]


@dataclass(frozen=True, slots=True)
class Arc:
    """One number of a table: where it flows, how much, and whether it is shown."""

    start: int
    end: int
    value: int
    shown: bool = True


def protect(arcs: tuple[Arc, ...], enough: int) -> tuple[Arc, ...]:
    """Hide every arc below `enough`, and others until no hidden one can be computed back.

    Zero counts as small: that nobody has something is said about everybody.
    """
    network = Network(tuple(replace(arc, shown=arc.value >= enough) for arc in arcs))
    waiting = deque(place for place, shown in enumerate(network.shown) if not shown)
    while waiting:
        place = waiting.popleft()
        if network.interval_width(place, enough) >= enough:
            continue
        for other in network.cheapest_way_round(place, enough):
            if network.shown[other]:
                network.shown[other] = False
                waiting.append(other)
    return tuple(replace(arc, shown=shown) for arc, shown in zip(arcs, network.shown, strict=True))


def unsafe_arcs(arcs: tuple[Arc, ...], enough: int) -> tuple[int, ...]:
    """Return the hidden arcs whose interval is too narrow; empty means the table is safe."""
    network = Network(arcs)
    return tuple(
        place
        for place, arc in enumerate(arcs)
        if not arc.shown and network.interval_width(place, enough) < enough
    )


class Network:
    """Arcs with their neighbours, and marks of which are shown."""

    def __init__(self, arcs: tuple[Arc, ...]) -> None:
        self.arcs = arcs
        self.shown = [arc.shown for arc in arcs]
        self._near: dict[int, list[tuple[int, int, bool]]] = defaultdict(list)
        for place, arc in enumerate(arcs):
            self._near[arc.start].append((place, arc.end, True))
            self._near[arc.end].append((place, arc.start, False))

    def interval_width(self, place: int, enough: int) -> int:
        """Return how wide the interval of a hidden arc is, counting no further than `enough`."""
        arc = self.arcs[place]
        up = self._flow(place, arc.end, arc.start, enough)
        if up >= enough:
            return up
        return up + self._flow(place, arc.start, arc.end, min(arc.value, enough - up))

    def cheapest_way_round(self, place: int, enough: int) -> list[int]:
        """Return the arcs to hide so that `place` can vary by `enough`: the fewest people lost.

        The way leads from the arc's end back to its start; an arc walked against its direction
        must carry `enough`. Where there is no such way the whole table is hidden.
        """
        source, sink = self.arcs[place].end, self.arcs[place].start
        best: dict[int, int] = {source: 0}
        came: _Came = {source: (-1, -1, True)}
        heap = [(0, source)]
        while heap:
            cost, node = heapq.heappop(heap)
            if cost > best[node]:
                continue
            for other, there, forward in self._walkable(node, place, enough):
                price = cost + (self.arcs[other].value + 1 if self.shown[other] else 0)
                if price < best.get(there, _ENDLESS):
                    best[there], came[there] = price, (node, other, forward)
                    heapq.heappush(heap, (price, there))
        if sink not in came:
            return list(range(len(self.arcs)))
        return [other for other, _ in _trace(came, sink)]

    def _walkable(self, node: int, skip: int, enough: int) -> Iterator[tuple[int, int, bool]]:
        for other, there, forward in self._near[node]:
            if other != skip and (forward or self.arcs[other].value >= enough):
                yield other, there, forward

    def _flow(self, skip: int, source: int, sink: int, most: int) -> int:
        """Return the maximum flow through the other hidden arcs, up to `most` (Edmonds, Karp)."""
        spare = {
            place: arc.value
            for place, arc in enumerate(self.arcs)
            if not self.shown[place] and place != skip
        }
        total = 0
        while total < most:
            came = self._search(spare, source, sink)
            if came is None:
                return total
            path = _trace(came, sink)
            step = min([most - total, *(spare[p] for p, forward in path if not forward)])
            for place, forward in path:
                spare[place] += step if forward else -step
            total += step
        return total

    def _search(self, spare: dict[int, int], source: int, sink: int) -> _Came | None:
        came: _Came = {source: (-1, -1, True)}
        queue = deque([source])
        while queue and sink not in came:
            node = queue.popleft()
            for place, there, forward in self._near[node]:
                if there not in came and place in spare and (forward or spare[place] > 0):
                    came[there] = (node, place, forward)
                    queue.append(there)
        return came if sink in came else None


def _trace(came: _Came, sink: int) -> list[tuple[int, bool]]:
    path, node = [], sink
    while came[node][0] >= 0:
        before, place, forward = came[node]
        path.append((place, forward))
        node = before
    return path
