"""Sets of people, and what disclosure control asks of them."""

import struct
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from tidegate.kernel.values import dataclass

Words = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.int64]
_HEADER = struct.Struct(">II")


class FamilyKind(StrEnum):
    """What a family of sets came from."""

    CELLS = "cells"
    """the cells, remainders and totals of a table, or the curves of a survival plot"""
    STEPS = "steps"
    """the steps of one survival curve"""


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A partition of the version's people into disjoint sets, one row of bits each.

    Every set a result tells about is a union of these atoms. The last atom is everybody the
    result says nothing about.
    """

    kind: FamilyKind
    people: int
    atoms: Words

    def __post_init__(self) -> None:
        assert self.atoms.shape[1] == width_of(self.people)  # noqa: S101 - a slip in our own code

    def sizes(self) -> list[int]:
        """Return how many people each atom has."""
        return [int(n) for n in np.bitwise_count(self.atoms).sum(axis=1, dtype=np.int64)]


def width_of(people: int) -> int:
    """Return how many 64-bit words hold one bit a person."""
    return -(-people // 64)


def family_of(kind: FamilyKind, codes: Codes, people: int, index: Codes) -> Family:
    """Make a family from a code for each listed person; a negative code is the remainder."""
    spread = np.full(people, -1, dtype=np.int64)
    spread[index] = codes
    used = np.unique(spread[spread >= 0])
    masks = [spread == code for code in used]
    masks.append(spread < 0)
    return Family(kind, people, np.stack([pack(mask) for mask in masks]))


def codes_of(family: Family) -> Codes:
    """Return for each person the atom they are in."""
    codes = np.zeros(family.people, dtype=np.int64)
    for place, atom in enumerate(family.atoms):
        codes[unpack(atom, family.people)] = place
    return codes


def pack(mask: npt.NDArray[np.bool_]) -> Words:
    """Pack one truth a person into 64-bit words."""
    octets = np.packbits(mask, bitorder="little")
    padded = np.zeros(width_of(len(mask)) * 8, dtype=np.uint8)
    padded[: len(octets)] = octets
    return padded.view(np.uint64)


def unpack(words: Words, people: int) -> npt.NDArray[np.bool_]:
    """Return the truths that `pack` packed."""
    return np.unpackbits(words.view(np.uint8), bitorder="little", count=people).astype(np.bool_)


def family_bytes(family: Family) -> bytes:
    """Write a family as bytes, to be sealed."""
    header = _HEADER.pack(family.people, len(family.atoms))
    return family.kind.value.encode().ljust(8) + header + family.atoms.tobytes()


def family_from(content: bytes) -> Family:
    """Read what `family_bytes` wrote."""
    kind = FamilyKind(content[:8].decode().strip())
    people, count = _HEADER.unpack(content[8:16])
    atoms = np.frombuffer(content[16:], dtype=np.uint64).reshape(count, width_of(people))
    return Family(kind, people, atoms)
