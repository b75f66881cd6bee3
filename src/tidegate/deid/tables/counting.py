"""How many records a node would let go: the one question that the walk asks thousands of times.

Of large tables a share of the classes is looked at: those whose hashed key falls into one part of
a power of two. A class is looked at whole or not at all, so that its size is true, and the answer
is scaled up. Which classes those are depends on keys alone, never on the order of records.

Keys are compared by a hash of 64 bits. For keys of one word it is one to one (each step of the
mixing can be undone); of longer ones two may rarely look alike, which can only mislead the search,
since what is released is grouped by the keys themselves.
"""

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tidegate.deid.tables.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]
    Counts = NDArray[np.int32]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_TURN = np.uint64(29)
_WORD = np.uint64(64)
_LEAST_BITS = 10


class Counter(Protocol):
    """Counts records in groups of at least k, over a share of one in 2**bits of the groups."""

    def held(self, keys: "Words", weights: "Counts", mask: "Words", k: int, bits: int) -> int:
        """Return the records in groups of at least k among the groups that are looked at."""


class NumpyCounter:
    """The count in numpy."""

    def held(self, keys: "Words", weights: "Counts", mask: "Words", k: int, bits: int) -> int:
        """Return the records in groups of at least k among the groups that are looked at."""
        hashed = hashes_of(keys, mask)
        chosen = _looked_at(hashed, bits)
        mine = weights[chosen]
        order = np.argsort(hashed[chosen])
        run = hashed[chosen][order]
        starts = np.flatnonzero(np.append(True, run[1:] != run[:-1]))
        if not len(run):
            return 0
        sizes = np.add.reduceat(mine[order], starts, dtype=np.int64)
        return int(sizes[sizes >= k].sum())


class CompiledCounter:
    """The count in a hash table that is kept from call to call. Not for two searches at once."""

    def __init__(self) -> None:
        self._keys: Words = np.empty(1 << _LEAST_BITS, np.uint64)
        self._sizes: Counts = np.empty(1 << _LEAST_BITS, np.int32)

    def held(self, keys: "Words", weights: "Counts", mask: "Words", k: int, bits: int) -> int:
        """Return the records in groups of at least k among the groups that are looked at."""
        size = max((2 * len(keys) >> bits).bit_length(), _LEAST_BITS)
        rows = keys if keys.ndim > 1 else keys[:, None]
        while True:
            if len(self._keys) < 1 << size:
                self._keys = np.empty(1 << size, np.uint64)
                self._sizes = np.empty(1 << size, np.int32)
            found = int(_held(rows, weights, mask, k, bits, (self._keys, self._sizes, size)))
            if found >= 0:
                return found
            size += 1


def hashes_of(keys: "Words", mask: "Words") -> "Words":
    """Return a number for each masked key: its own for one word, for more one that is mixed."""
    hashed = np.zeros(len(keys), np.uint64)
    for word in range(len(mask)):
        column = keys if keys.ndim == 1 else keys[:, word]
        hashed = (hashed ^ (column & mask[word])) * _GOLDEN
        hashed ^= hashed >> _TURN
    return hashed * _GOLDEN


def chosen_of(keys: "Words", mask: "Words", bits: int) -> "NDArray[np.int64]":
    """Return the places of the keys whose masked hash lies in the part that is looked at."""
    return _looked_at(hashes_of(keys, mask), bits)


def _looked_at(hashed: "Words", bits: int) -> "NDArray[np.int64]":
    if bits == 0:
        return np.arange(len(hashed))
    return np.flatnonzero(hashed >> (_WORD - np.uint64(bits)) == 0)


@compiled
def _held(keys: Any, weights: Any, mask: Any, k: int, bits: int, table: Any) -> Any:
    """Count in one pass; -1 if the table is too small."""
    slots, sizes, width = table
    last, places = np.uint64((1 << width) - 1), 1 << width
    shift = _WORD - np.uint64(bits)
    sizes[:places] = 0
    total, groups = 0, 0
    for row in range(len(keys)):
        mixed = np.uint64(0)
        for word in range(len(mask)):
            mixed = (mixed ^ (keys[row, word] & mask[word])) * _GOLDEN
            mixed ^= mixed >> _TURN
        mixed *= _GOLDEN
        if bits > 0 and mixed >> shift != 0:
            continue
        at = (mixed >> np.uint64(20)) & last
        while sizes[at] != 0 and slots[at] != mixed:
            at = (at + np.uint64(1)) & last
        before = sizes[at]
        if before == 0:
            slots[at] = mixed
            groups += 1
            if 4 * groups > 3 * places:
                return -1
        after = before + weights[row]
        sizes[at] = after
        if after >= k:
            total += weights[row] if before >= k else after
    return total
