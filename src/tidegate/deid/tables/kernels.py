"""The inner loops of the engine: compiled where numba is at hand, numpy otherwise.

Both twins return the same arrays, entry for entry: groups stand in the order in which they first
appear, sums are integers, and what is cut short is cut to the same number. Which twin runs can
therefore never be seen in a published table.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from tidegate.deid.tables.grouping import Groups, Kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]
    Counts = NDArray[np.int32]
    Places = NDArray[np.int64]

_NONE = np.iinfo(np.int32).max


def choose(*, compiled: bool | None = None) -> Kernels:
    """Return the compiled twin if numba is installed, else numpy's; `compiled` decides if given.

    Raises: ImportError if compiled loops are asked for where numba is missing.
    """
    found = find_spec("numba") is not None
    if compiled and not found:
        raise ImportError("Compiled loops need numba: install tidegate[accelerate].")
    if not (found if compiled is None else compiled):
        return NumpyKernels()
    from tidegate.deid.tables.loops import NumbaKernels  # noqa: PLC0415 - numba loads slowly

    return NumbaKernels()


class NumpyKernels:
    """The loops in numpy: a stable sort where the compiled twin has a hash table."""

    def group(
        self, keys: "Words", weights: "Counts | None", first: "Counts | None", mask: "Words"
    ) -> Groups:
        """Group keys by what the mask leaves of them."""
        order, starts, at = _runs(keys, mask)
        rank = np.argsort(at)
        ordered = np.ones(len(order), np.int32) if weights is None else weights[order]
        held = np.add.reduceat(ordered, starts, dtype=np.int32) if len(at) else ordered
        at = at[rank]
        kept = keys[at] & (mask[0] if keys.ndim == 1 else mask)
        return Groups(kept, held[rank], at.astype(np.int32) if first is None else first[at])

    def label(self, keys: "Words", mask: "Words") -> "tuple[Counts, int]":
        """Return the number of each key's group, by first appearance, and how many there are."""
        order, starts, at = _runs(keys, mask)
        numbers = np.empty(len(at), np.int32)
        numbers[np.argsort(at)] = np.arange(len(at), dtype=np.int32)
        ids = np.empty(len(order), np.int32)
        ids[order] = np.repeat(numbers, np.diff(np.append(starts, len(order))))
        return ids, len(at)

    def small(
        self, keys: "Words", weights: "Counts | None", mask: "Words", k: int, limit: int
    ) -> int:
        """Return the records in groups below k, at most limit + 1."""
        held = self.group(keys, weights, None, mask).weights
        return min(int(held[held < k].sum(dtype=np.int64)), limit + 1)

    def gauge(
        self, keys: "Words", weights: "Counts | None", mask: "Words", k: int, limit: int
    ) -> int:
        """Return the records in groups below k, even beyond the limit."""
        return self.small(keys, weights, mask, k, max(limit, np.iinfo(np.int32).max))

    def spans(self, codes: "Counts", classes: "Counts", count: int) -> "tuple[Counts, Counts]":
        """Return the lowest and highest leaf of each class."""
        kept = np.flatnonzero(classes >= 0)
        order = kept[np.argsort(classes[kept], kind="stable")]
        low, high = np.full(count, _NONE, np.int32), np.full(count, -1, np.int32)
        if len(order):
            run = classes[order]
            starts = np.flatnonzero(np.concatenate(([True], run[1:] != run[:-1])))
            low[run[starts]] = np.minimum.reduceat(codes[order], starts)
            high[run[starts]] = np.maximum.reduceat(codes[order], starts)
        return low, high


def _runs(keys: "Words", mask: "Words") -> "tuple[Places, Places, Places]":
    """Return an order that puts equal masked keys together, where runs start, and their firsts."""
    masked = keys & (mask[0] if keys.ndim == 1 else mask)
    order = np.argsort(masked) if keys.ndim == 1 else np.lexsort(masked.T)
    run = masked[order]
    step = run[1:] != run[:-1]
    if keys.ndim > 1:
        step = step.any(axis=1)
    starts = np.flatnonzero(np.concatenate((np.ones(min(len(run), 1), bool), step)))
    return order, starts, np.minimum.reduceat(order, starts) if len(starts) else starts
