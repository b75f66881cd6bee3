"""RFC 6962 Merkle trees: roots, inclusion and consistency proofs, and their verification.

Pure: hashes go in, hashes and verdicts come out. Every proof is made from complete subtrees that a
`NodeReader` looks up, so a log of any size answers from a handful of stored nodes and never hashes
itself again. Leaves are hashed with the prefix 0x00 and nodes with 0x01 (RFC 6962 §2.1).
"""

import hashlib
from collections.abc import Iterable
from typing import Protocol

from tidegate.audit.errors import ProofInvalidError

EMPTY_ROOT = hashlib.sha256(b"").digest()


class NodeReader(Protocol):
    """Something that knows the hash of the complete subtree `index` of 2**`level` leaves."""

    def __call__(self, level: int, index: int) -> bytes:
        """Return the hash over leaves `index << level` up to `(index + 1) << level`."""
        ...


def hash_leaf(leaf: bytes) -> bytes:
    """Hash one leaf: SHA-256 over 0x00 and its bytes."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """Hash an inner node: SHA-256 over 0x01 and its two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def hash_row(hashes: list[bytes]) -> bytes:
    """Hash a row of 2**k neighbouring subtrees up to the one node above them all."""
    row = hashes
    while len(row) > 1:
        row = [hash_node(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return row[0]


class Tree:
    """A whole tree in memory. Roots of every earlier size are as near as the newest."""

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [list(leaf_hashes)]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            self._levels.append(
                [hash_node(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
            )

    def __len__(self) -> int:
        return len(self._levels[0])

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree; this is a `NodeReader`."""
        return self._levels[level][index]

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first `size` leaves, or over all of them."""
        return tree_root(self.node, len(self) if size is None else size)


def tree_root(read: NodeReader, size: int) -> bytes:
    """Return the Merkle tree hash over the first `size` leaves (RFC 6962 §2.1)."""
    return _range_root(read, 0, size) if size else EMPTY_ROOT


def inclusion_path(read: NodeReader, index: int, size: int) -> tuple[bytes, ...]:
    """Return the audit path of leaf `index` in the tree of `size` leaves (RFC 6962 §2.1.1)."""
    if not 0 <= index < size:
        raise ProofInvalidError(f"There is no leaf {index} in a tree of {size} leaves.")
    path: list[bytes] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            path.append(_range_root(read, middle, stop))
            stop = middle
        else:
            path.append(_range_root(read, start, middle))
            start = middle
    return tuple(reversed(path))


def consistency_path(read: NodeReader, first: int, second: int) -> tuple[bytes, ...]:
    """Return the proof that the tree of `first` leaves is a prefix of that of `second` (§2.1.2)."""
    if not 0 <= first <= second:
        raise ProofInvalidError(f"A tree of {first} leaves is no prefix of one of {second}.")
    path: list[bytes] = []
    if first in (0, second):
        return ()
    start, stop, whole = 0, second, True  # `whole`: the old root itself covers [start, first)
    while first != stop:
        middle = start + _split(stop - start)
        if first <= middle:
            path.append(_range_root(read, middle, stop))
            stop = middle
        else:
            path.append(_range_root(read, start, middle))
            start, whole = middle, False
    if not whole:
        path.append(_range_root(read, start, stop))
    return tuple(reversed(path))


def check_inclusion(
    leaf_hash: bytes, index: int, size: int, path: tuple[bytes, ...], root: bytes
) -> None:
    """Raise ProofInvalidError unless `path` leads from the leaf to `root` (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        raise ProofInvalidError(f"There is no leaf {index} in a tree of {size} leaves.")
    found, place, last = leaf_hash, index, size - 1
    for sibling in path:
        if last == 0:
            raise ProofInvalidError("The inclusion proof is longer than the tree is high.")
        if place & 1 or place == last:
            found = hash_node(sibling, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = hash_node(found, sibling)
        place, last = place >> 1, last >> 1
    if last or found != root:
        raise ProofInvalidError("The inclusion proof does not lead to the root.")


def check_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, path: tuple[bytes, ...]
) -> None:
    """Raise ProofInvalidError unless one tree is a prefix of the other (RFC 9162 §2.1.4.2)."""
    if not 0 <= first <= second:
        raise ProofInvalidError(f"A log of {second} leaves cannot continue one of {first}.")
    if first in (0, second):
        expected = EMPTY_ROOT if first == 0 else second_root
        if path or first_root != expected:
            raise ProofInvalidError("Two roots of the same size differ, or the proof is too long.")
        return
    proof = (first_root, *path) if first & (first - 1) == 0 else path
    if not proof:
        raise ProofInvalidError("The consistency proof is empty.")
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    older, newer = _climb(proof, place, last)
    if older != first_root:
        raise ProofInvalidError("The consistency proof does not lead to the older root.")
    if newer != second_root:
        raise ProofInvalidError("The consistency proof does not lead to the newer root.")


def _climb(proof: tuple[bytes, ...], place: int, last: int) -> tuple[bytes, bytes]:
    older = newer = proof[0]
    for node in proof[1:]:
        if last == 0:
            raise ProofInvalidError("The consistency proof is longer than the tree is high.")
        if place & 1 or place == last:
            older, newer = hash_node(node, older), hash_node(node, newer)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            newer = hash_node(newer, node)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofInvalidError("The consistency proof is shorter than the tree is high.")
    return older, newer


def _split(size: int) -> int:
    """Return the largest power of two smaller than `size` (RFC 6962 §2.1)."""
    return 1 << ((size - 1).bit_length() - 1)


def _range_root(read: NodeReader, start: int, stop: int) -> bytes:
    size = stop - start
    if size & (size - 1) == 0:  # the split keeps `start` aligned: a complete subtree
        level = size.bit_length() - 1
        return read(level, start >> level)
    middle = start + _split(size)
    return hash_node(_range_root(read, start, middle), _range_root(read, middle, stop))
