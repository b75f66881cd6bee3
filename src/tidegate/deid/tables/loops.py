"""The compiled twin of the kernels: open addressing over groups in the order of appearance.

A slot of the table holds the number of a group; groups themselves are dense, so that growing the
table re-inserts groups and not records, and results need no second pass. Fibonacci hashing: Knuth,
The Art of Computer Programming 3, section 6.4.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from tidegate.deid.tables.compiling import compiled
from tidegate.deid.tables.grouping import Groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]
    Counts = NDArray[np.int32]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_PARTS = 16
_FIRST_BITS = 12


class _Scratch:
    """Memory that calls take in turn: fresh pages cost more than the loops that fill them."""

    def __init__(self) -> None:
        self._keys: Words = np.empty(0, np.uint64)
        self._counts: Counts = np.empty(0, np.int32)
        self._table: Counts = np.empty(1 << _FIRST_BITS, np.int32)

    def take(self, rows: int) -> "tuple[Words, Words, Counts, Counts, Counts, Counts]":
        """Return two arrays of keys and three of counts, of `rows` entries each, and a table."""
        if len(self._keys) < 2 * rows:
            self._keys = np.empty(2 * rows, np.uint64)
            self._counts = np.empty(3 * rows, np.int32)
            bits = max(_FIRST_BITS, (8 * rows).bit_length())
            self._table = np.empty(1 << bits, np.int32)
        keys, counts = self._keys, self._counts
        return (
            keys[:rows],
            keys[rows : 2 * rows],
            counts[:rows],
            counts[rows : 2 * rows],
            counts[2 * rows : 3 * rows],
            self._table,
        )


class NumbaKernels:
    """The loops, compiled. One search, one instance: its scratch memory is not shared."""

    def __init__(self) -> None:
        self._scratch = _Scratch()

    def group(
        self, keys: "Words", weights: "Counts | None", first: "Counts | None", mask: "Words"
    ) -> Groups:
        """Group keys by what the mask leaves of them."""
        one = np.zeros(0, np.int32)
        held = one if weights is None else weights
        at = one if first is None else first
        if keys.ndim == 1:
            return Groups(*_group(keys, held, at, mask[0], self._scratch.take(len(keys))))
        return Groups(*_group_wide(keys, held, at, mask))

    def label(self, keys: "Words", mask: "Words") -> "tuple[Counts, int]":
        """Return the number of each key's group, by first appearance, and how many there are."""
        if keys.ndim == 1:
            ids, count = _label(keys, mask[0], self._scratch.take(len(keys)))
        else:
            ids, count = _label_wide(keys, mask)
        return ids, int(count)

    def small(
        self, keys: "Words", weights: "Counts | None", mask: "Words", k: int, limit: int
    ) -> int:
        """Return the records in groups below k, at most limit + 1."""
        return min(self.gauge(keys, weights, mask, k, limit), limit + 1)

    def gauge(
        self, keys: "Words", weights: "Counts | None", mask: "Words", k: int, limit: int
    ) -> int:
        """Return the records in groups below k; beyond the limit an estimate that is beyond it."""
        held = np.zeros(0, np.int32) if weights is None else weights
        if keys.ndim == 1:
            return int(_small(keys, held, mask[0], k, limit, self._scratch.take(len(keys))))
        groups = _group_wide(keys, held, np.zeros(0, np.int32), mask)[1]
        return int(groups[groups < k].sum(dtype=np.int64))

    def spans(self, codes: "Counts", classes: "Counts", count: int) -> "tuple[Counts, Counts]":
        """Return the lowest and highest leaf of each class."""
        low, high = np.full(count, np.iinfo(np.int32).max, np.int32), np.full(count, -1, np.int32)
        _spans(codes, classes, low, high)
        return low, high


@compiled
def _spans(codes: Any, classes: Any, low: Any, high: Any) -> None:
    for record in range(len(codes)):
        own = classes[record]
        if own >= 0:
            low[own] = min(low[own], codes[record])
            high[own] = max(high[own], codes[record])


@compiled
def _hash(key: Any, shift: Any) -> Any:
    return ((key ^ (key >> np.uint64(32))) * _GOLDEN) >> shift


@compiled
def _grown(keys: Any, count: int, bits: int, table: Any) -> Any:
    """Put all groups into the first slots of a table; return what finds a slot."""
    size = 1 << bits
    table[:size] = -1
    last, shift = np.uint64(size - 1), np.uint64(64 - bits)
    for number in range(count):
        at = _hash(keys[number], shift)
        while table[at] >= 0:
            at = (at + np.uint64(1)) & last
        table[at] = number
    return size, last, shift


@compiled
def _sought(key: Any, keys: Any, table: Any, last: Any, shift: Any) -> Any:
    """Return the slot of a key and its group, which is negative where the key is new."""
    at = _hash(key, shift)
    number = table[at]
    while number >= 0 and keys[number] != key:
        at = (at + np.uint64(1)) & last
        number = table[at]
    return at, number


@compiled
def _group(keys: Any, weights: Any, first: Any, mask: Any, scratch: Any) -> Any:
    bits, count, weighted, traced = _FIRST_BITS, 0, len(weights) > 0, len(first) > 0
    out, _, held, at_first, _, table = scratch
    size, last, shift = _grown(out, 0, bits, table)
    for index in range(len(keys)):
        key = keys[index] & mask
        at, number = _sought(key, out, table, last, shift)
        weight = weights[index] if weighted else np.int32(1)
        if number >= 0:
            held[number] += weight
            continue
        table[at] = count
        out[count], held[count] = key, weight
        at_first[count] = first[index] if traced else index
        count += 1
        if count * 2 > size:
            bits += 2
            size, last, shift = _grown(out, count, bits, table)
    return out[:count].copy(), held[:count].copy(), at_first[:count].copy()


@compiled
def _label(keys: Any, mask: Any, scratch: Any) -> Any:
    bits, count, out, table = _FIRST_BITS, 0, scratch[0], scratch[5]
    ids = np.empty(len(keys), np.int32)
    size, last, shift = _grown(out, 0, bits, table)
    for index in range(len(keys)):
        key = keys[index] & mask
        at, number = _sought(key, out, table, last, shift)
        if number < 0:
            number = count
            table[at] = count
            out[count] = key
            count += 1
            if count * 2 > size:
                bits += 2
                size, last, shift = _grown(out, count, bits, table)
        ids[index] = number
    return ids, count


@compiled
def _part_small(keys: Any, weights: Any, k: int, out: Any, held: Any, table: Any) -> int:
    """Return the records of one part that stand in groups below k."""
    bits, count = _FIRST_BITS, 0
    size, last, shift = _grown(out, 0, bits, table)
    for index in range(len(keys)):
        key = keys[index]
        at, number = _sought(key, out, table, last, shift)
        if number >= 0:
            held[number] += weights[index]
            continue
        table[at] = count
        out[count], held[count] = key, weights[index]
        count += 1
        if count * 2 > size:
            bits += 2
            size, last, shift = _grown(out, count, bits, table)
    total = 0
    for number in range(count):
        if held[number] < k:
            total += held[number]
    return total


@compiled
def _gather(keys: Any, weights: Any, mask: Any, low: int, high: int, scratch: Any) -> Any:
    """Return the masked keys whose hash lies in some sixteenths of the space, with weights."""
    weighted, out, held = len(weights) > 0, scratch[0], scratch[2]
    shift, begin, end, count = np.uint64(32), np.uint64(low), np.uint64(high), 0
    for index in range(len(keys)):
        key = keys[index] & mask
        part = (_hash(key, shift)) & np.uint64(_PARTS - 1)
        out[count] = key
        held[count] = weights[index] if weighted else np.int32(1)
        count += 1 if part >= begin and part < end else 0
    return out[:count], held[:count]


@compiled
def _small(keys: Any, weights: Any, mask: Any, k: int, limit: int, scratch: Any) -> int:
    """Count a quarter of the classes, then another, then the rest; stop beyond the limit."""
    total = 0
    for low, high in ((0, 4), (4, 8), (8, _PARTS)):
        part, held = _gather(keys, weights, mask, low, high, scratch)
        total += _part_small(part, held, k, scratch[1], scratch[3], scratch[5])
        if total > limit:
            return total * _PARTS // high
    return total


@compiled
def _hash_row(keys: Any, index: int, mask: Any, shift: Any) -> Any:
    mixed = np.uint64(0)
    for word in range(len(mask)):
        mixed = (mixed ^ (keys[index, word] & mask[word])) * _GOLDEN
        mixed ^= mixed >> np.uint64(29)
    return (mixed * _GOLDEN) >> shift


@compiled
def _same_row(left: Any, one: int, right: Any, other: int, mask: Any) -> bool:
    same = True
    for word in range(len(mask)):
        same = same and ((left[one, word] ^ right[other, word]) & mask[word]) == 0
    return same


@compiled
def _grown_wide(keys: Any, heads: Any, count: int, mask: Any, bits: int) -> Any:
    table = np.full(1 << bits, -1, np.int32)
    last, shift = np.uint64(len(table) - 1), np.uint64(64 - bits)
    for number in range(count):
        at = _hash_row(keys, heads[number], mask, shift)
        while table[at] >= 0:
            at = (at + np.uint64(1)) & last
        table[at] = number
    return table


@compiled
def _heads(keys: Any, mask: Any) -> Any:
    """Return the group of each row, and the first row of each group."""
    bits, count, rows = _FIRST_BITS, 0, len(keys)
    ids, heads = np.empty(rows, np.int32), np.empty(rows, np.int32)
    table = np.full(1 << bits, -1, np.int32)
    last, shift = np.uint64(len(table) - 1), np.uint64(64 - bits)
    for index in range(rows):
        at = _hash_row(keys, index, mask, shift)
        number = table[at]
        while number >= 0 and not _same_row(keys, heads[number], keys, index, mask):
            at = (at + np.uint64(1)) & last
            number = table[at]
        if number < 0:
            number = count
            table[at] = count
            heads[count] = index
            count += 1
            if count * 2 > len(table):
                bits += 2
                table = _grown_wide(keys, heads, count, mask, bits)
                last, shift = np.uint64(len(table) - 1), np.uint64(64 - bits)
        ids[index] = number
    return ids, heads[:count].copy()


@compiled
def _label_wide(keys: Any, mask: Any) -> Any:
    ids, heads = _heads(keys, mask)
    return ids, len(heads)


@compiled
def _group_wide(keys: Any, weights: Any, first: Any, mask: Any) -> Any:
    ids, heads = _heads(keys, mask)
    weighted, traced = len(weights) > 0, len(first) > 0
    held, at_first = np.zeros(len(heads), np.int32), np.empty(len(heads), np.int32)
    out = np.empty((len(heads), len(mask)), np.uint64)
    for index in range(len(keys)):
        held[ids[index]] += weights[index] if weighted else np.int32(1)
    for number in range(len(heads)):
        head = heads[number]
        at_first[number] = first[head] if traced else head
        for word in range(len(mask)):
            out[number, word] = keys[head, word] & mask[word]
    return out, held, at_first
