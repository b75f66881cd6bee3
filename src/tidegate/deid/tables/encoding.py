"""Records as packed keys: generalising a whole record is one AND.

Each quasi-identifier's path through its hierarchy is written as bits, the digit below `*` highest
and the leaf's digit lowest; all columns stand side by side in one unsigned 64-bit word. A node of
the lattice of levels is then a mask, and two records are in one equivalence class at that node if
and only if their masked keys are equal. Tables whose paths need more than 64 bits take as many
words as they need: keys become rows of words and everything else stays as it is.

The idea of encoding a path so that a generalisation is a prefix is that of data compression by
dictionary (LeFevre, DeWitt, Ramakrishnan, "Incognito", SIGMOD 2005, section 5, use star schemas of
the same kind); the packing into a word is ours.
"""

from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from tidegate.deid.tables.model import Hierarchy, TableInput
from tidegate.kernel.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tidegate.deid.tables.grouping import Kernels

    Words: TypeAlias = NDArray[np.uint64]
    Counts: TypeAlias = NDArray[np.int32]
    Floats: TypeAlias = NDArray[np.float64]

Node: TypeAlias = tuple[int, ...]
"""One level for every quasi-identifier."""

WORD = 64


@dataclass(frozen=True, slots=True)
class Field:
    """Where one column stands in the key.

    `bits[leaf]` are the words of a leaf's path, `masks[level]` the words of what stays of a path at
    a level; both in place, zero elsewhere.
    """

    bits: "Words"
    masks: "Words"


@dataclass(frozen=True, slots=True)
class Packed:
    """A table as distinct keys with weights.

    `keys` has one entry for each distinct record: a word, or a row of words. If sensitive columns
    were packed as well, records are distinct with them, and `node_mask` keeps them apart unless it
    is told to let go of them.
    """

    keys: "Words"
    weights: "Counts"
    first: "Counts"
    """The first record of each entry: its codes are the entry's."""
    entry_of: "Counts"
    """The entry of each record."""
    fields: tuple[Field, ...]
    sensitive: "Words"
    """The bits of the sensitive columns, one number a word."""
    rows: int

    @property
    def words(self) -> int:
        """Return the number of words of a key."""
        return len(self.sensitive)

    @property
    def shape(self) -> Node:
        """Return the number of levels of each column: the shape of the lattice."""
        return tuple(len(field.masks) for field in self.fields)

    def node_mask(self, node: Node, *, with_sensitive: bool = False) -> "Words":
        """Return the words of a node: what stays of a key when it is generalised."""
        mask = self.sensitive.copy() if with_sensitive else np.zeros_like(self.sensitive)
        for field, level in zip(self.fields, node, strict=True):
            mask |= field.masks[level]
        return mask


def pack(table: TableInput, kernels: "Kernels", sensitive: tuple[str, ...] = ()) -> Packed:
    """Encode a table; equal records become one entry, in the order in which they first appear."""
    fields, values, words = lay_out(table, sensitive)
    columns = [(column.codes, field) for column, field in zip(table.quasi, fields, strict=True)]
    named = [column for column in table.sensitive if column.name in sensitive]
    columns += [(column.codes, field) for column, field in zip(named, values, strict=True)]
    raw = key_words(columns, table.rows, words)
    kept = np.zeros(words, np.uint64)
    for field in values:
        kept |= field.masks[0]
    entry_of, _ = kernels.label(raw, np.full(words, ~np.uint64(0)))
    groups = kernels.group(raw, None, None, np.full(words, ~np.uint64(0)))
    return Packed(
        groups.keys, groups.weights, groups.first, entry_of, tuple(fields), kept, table.rows
    )


def lay_out(
    table: TableInput, sensitive: tuple[str, ...] = ()
) -> tuple[list[Field], list[Field], int]:
    """Return the fields of the quasi-identifiers, of the sensitive columns, and the word count.

    Digits are put from the lowest bit upward and never straddle two words. The first column stands
    highest, so that ascending keys of one word are in the order of the taxonomies.
    """
    place = _Place()
    values = [
        _field([np.arange(len(column.values))], place)
        for column in table.sensitive
        if column.name in sensitive
    ]
    fields = [_field(_digits(column.hierarchy), place) for column in reversed(table.quasi)]
    fields.reverse()
    return (
        [_widened(field, place.words) for field in fields],
        [_widened(field, place.words) for field in values],
        place.words,
    )


def key_words(columns: "list[tuple[NDArray[np.int32], Field]]", rows: int, words: int) -> "Words":
    """Return the keys of records, from the leaves of each column."""
    keys = np.zeros((words, rows), np.uint64)
    for codes, field in columns:
        for word in range(words):
            if field.bits[:, word].any():
                keys[word] |= field.bits[:, word].take(codes)
    return keys[0] if words == 1 else np.ascontiguousarray(keys.T)


def losses_of(hierarchy: Hierarchy) -> "Floats":
    """Return the normalised certainty penalty of every leaf at every level.

    (leaves under the label - 1) / (leaves - 1): Xu, Wang, Pei, Wang, Shi, Fu, "Utility-based
    anonymization using local recoding", KDD 2006, section 3. A column of one leaf loses nothing.
    """
    count = len(hierarchy.leaves)
    rows = [_sizes(labels) for labels in hierarchy.labels]
    return (np.stack(rows) - 1.0) / max(count - 1, 1)


def is_in_order(hierarchy: Hierarchy) -> bool:
    """Tell whether labels group neighbours, and only whole labels of the level before, up to one.

    All that is published rests on it: a span of leaves is told by its two ends.
    """
    steps = [np.diff(label_numbers(labels)) for labels in hierarchy.labels]
    apart = [step > 0 for step in steps]
    return (
        all(bool((step >= 0).all()) for step in steps)
        and bool(apart[0].all())
        and not any(bool((coarse & ~fine).any()) for fine, coarse in pairwise(apart))
        and not bool(apart[-1].any())
    )


def label_numbers(labels: tuple[str, ...]) -> "NDArray[np.int64]":
    """Return the number of each leaf's label, in the order in which labels appear."""
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(label, len(seen)) for label in labels], np.int64)


def _sizes(labels: tuple[str, ...]) -> "NDArray[np.int64]":
    numbers = label_numbers(labels)
    return np.bincount(numbers)[numbers]


def _digits(hierarchy: Hierarchy) -> "list[NDArray[np.int64]]":
    """Return for each level but the last the digit of each leaf's label within the label above."""
    numbers = [label_numbers(labels) for labels in hierarchy.labels]
    digits = []
    for own, above in pairwise(numbers):
        children: dict[int, dict[int, int]] = {}
        digit = [
            children.setdefault(int(up), {}).setdefault(int(low), len(children[int(up)]))
            for low, up in zip(own, above, strict=True)
        ]
        digits.append(np.array(digit, np.int64))
    return digits


class _Place:
    """The next free bit."""

    def __init__(self) -> None:
        self.word, self.bit = 0, 0

    @property
    def words(self) -> int:
        return self.word + 1

    def take(self, width: int) -> tuple[int, int]:
        if self.bit + width > WORD:
            self.word, self.bit = self.word + 1, 0
        at = self.word, self.bit
        self.bit += width
        return at


def _field(digits: "list[NDArray[np.int64]]", place: _Place) -> Field:
    """Lay out the digits of a column, the finest lowest, and cut a mask a level."""
    leaves = len(digits[0]) if digits else 1
    bits = np.zeros((leaves, place.words), np.uint64)
    pieces: list[tuple[int, int]] = []
    for digit in digits:
        width = int(digit.max()).bit_length() if digit.size else 0
        word, bit = place.take(width)
        bits = np.pad(bits, ((0, 0), (0, place.words - bits.shape[1])))
        bits[:, word] |= digit.astype(np.uint64) << np.uint64(bit)
        pieces.append((word, ((1 << width) - 1) << bit))
    masks = np.zeros((len(digits) + 1, place.words), np.uint64)
    for level in range(len(digits)):
        for word, piece in pieces[level:]:
            masks[level, word] |= np.uint64(piece)
    return Field(bits, masks)


def _widened(field: Field, words: int) -> Field:
    more = ((0, 0), (0, words - field.bits.shape[1]))
    return Field(np.pad(field.bits, more), np.pad(field.masks, more))
