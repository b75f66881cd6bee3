"""Which node of the lattice to count next: the one expected to rule out most candidates.

If a node turns out infeasible, all candidates below it fall; if feasible, all whose bound is
greater than its loss, which is near its own bound. With the chance of either, that is a number
for every node at once: prefix sums over the lattice and over the order of the bounds.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from tidegate.deid.tables.compiling import compiled, is_compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    Counts = NDArray[np.int32]
    Places = NDArray[np.int64]


class Picker:
    """Picks nodes of one lattice."""

    def __init__(self, bounds: "Floats", *, fast: bool) -> None:
        self._shape = np.array(bounds.shape, np.int64)
        self._order = np.argsort(bounds, axis=None, kind="stable")
        self._sums, self._after = np.empty(bounds.size, np.int32), np.empty(bounds.size, np.int32)
        self._is_fast = fast and is_compiled()

    def pick(self, open_: "Flags", unknown: "Flags", chance: "Floats") -> int:
        """Return the place of the best node among the unknown ones, or -1 if none helps."""
        flat = open_.ravel(), unknown.ravel(), chance.ravel()
        if self._is_fast:
            work = self._order, self._shape, self._sums, self._after
            place, self._order = pick(*flat, work)
            return int(place)
        return self._pick_plainly(*flat)

    def _pick_plainly(self, open_: "Flags", unknown: "Flags", chance: "Floats") -> int:
        sums = open_.astype(np.int32).reshape(self._shape)
        for axis in range(sums.ndim):
            np.cumsum(sums, axis=axis, out=sums)
        self._after[:] = 0
        ranked = open_[self._order]
        self._after[self._order] = np.cumsum(ranked[::-1], dtype=np.int32)[::-1] * ranked
        worth = chance * sums.ravel() + (1.0 - chance) * self._after
        worth[~unknown] = -1.0
        place = int(np.argmax(worth))
        return place if worth[place] > 0 else -1


@compiled
def _add_up(sums: Any, shape: Any) -> None:
    """Turn flags into the number of flags at or below each node."""
    stride = len(sums)
    for axis in range(len(shape)):
        block = stride
        stride = stride // shape[axis]
        for base in range(0, len(sums), block):
            for level in range(base + stride, base + block, stride):
                upper, lower = sums[level : level + stride], sums[level - stride : level]
                for place in range(stride):
                    upper[place] += lower[place]


@compiled
def pick(open_: Any, unknown: Any, chance: Any, work: Any) -> Any:
    """Return the place of the best node or -1, and the open nodes in the order of their bounds."""
    order, shape, sums, after = work
    for place in range(len(sums)):
        sums[place] = 1 if open_[place] else 0
        after[place] = 0
    _add_up(sums, shape)
    kept = len(order)
    for rank in range(len(order) - 1, -1, -1):
        place = order[rank]
        if open_[place]:
            after[place] = len(order) - kept + 1
            kept -= 1
            order[kept] = place
    best, most = -1, 0.0
    for place in range(len(sums)):
        if unknown[place]:
            worth = chance[place] * sums[place] + (1.0 - chance[place]) * after[place]
            if worth > most:
                best, most = place, worth
    return best, order[kept:]
