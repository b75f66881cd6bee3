"""Everything released on a dataset so far, as one version's people see it.

Releases on other versions of the dataset are brought onto the union of both lists of people, by
the keyed hashes of their rosters. A version whose key was destroyed has no sets any more.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from tidegate.kernel.errors import WithheldError
from tidegate.lab.disclosure.differencing import Ledger, check_beside
from tidegate.lab.disclosure.model import Family, family_bytes, family_from, pack, unpack
from tidegate.lab.errors import SealBrokenError
from tidegate.lab.sealing import Seal
from tidegate.lab.visits import store

Roster = npt.NDArray[np.uint64]
SealOf = Callable[[str], Seal]


class DatasetLedger:
    """The released sets of a dataset, kept open beside an open version."""

    def __init__(self, dataset_id: str, version_id: str, roster: Roster, seal_of: SealOf) -> None:
        self.seq = 0
        self._dataset_id = dataset_id
        self._version_id = version_id
        self._roster = roster
        self._seal_of = seal_of
        self._seal = seal_of(version_id)
        self._own = Ledger(len(roster))
        self._others: dict[str, _Beside | None] = {}

    def refresh(self, conn: Connection) -> None:
        """Take in what was released since the last look."""
        for seq, run_id, version_id, sealed in store.families_after(
            conn, self._dataset_id, self.seq
        ):
            if version_id == self._version_id:
                self._own.add(*open_families(self._seal, run_id, sealed))
            else:
                self._take_other(conn, version_id, run_id, sealed)
            self.seq = seq

    def check(self, families: tuple[Family, ...], min_cell: int) -> None:
        """Raise TooCloseError when the families may not stand beside what was released."""
        check_beside(families, self._own, min_cell)
        for beside in self._others.values():
            if beside is not None:
                here = (beside.from_here(family) for family in families)
                check_beside(here, beside.ledger, min_cell)

    def _take_other(self, conn: Connection, version_id: str, run_id: str, sealed: str) -> None:
        if version_id not in self._others:
            self._others[version_id] = self._open_other(conn, version_id)
        beside = self._others[version_id]
        if beside is not None:
            released = open_families(beside.seal, run_id, sealed)
            beside.ledger.add(*(beside.from_there(family) for family in released))

    def _open_other(self, conn: Connection, version_id: str) -> "_Beside | None":
        sealed = store.find_roster(conn, version_id)
        if sealed is None:
            return None
        try:
            seal = self._seal_of(version_id)
        except WithheldError:  # its key was destroyed, and with it what could be compared
            return None
        there = open_roster(seal, version_id, sealed)
        return _Beside(seal, self._roster, there)


class _Beside:
    """The union of this version's people and another's."""

    def __init__(self, seal: Seal, here: Roster, there: Roster) -> None:
        self.seal = seal
        union = np.union1d(here, there)
        self._size = len(union)
        self._here = np.searchsorted(union, here)
        self._there = np.searchsorted(union, there)
        self.ledger = Ledger(self._size, knows_everybody=False)

    def from_here(self, family: Family) -> Family:
        return _moved(family, self._here, self._size)

    def from_there(self, family: Family) -> Family:
        return _moved(family, self._there, self._size)


def _moved(family: Family, places: npt.NDArray[np.intp], size: int) -> Family:
    """Bring a family onto a larger list; people it did not know join its remainder."""
    masks = np.zeros((len(family.atoms), size), dtype=np.bool_)
    masks[-1] = True
    masks[-1, places] = False
    for row, atom in zip(masks, family.atoms, strict=True):
        row[places] = unpack(atom, family.people)
    return Family(family.kind, size, np.stack([pack(mask) for mask in masks]))


def close_families(seal: Seal, run_id: str, families: tuple[Family, ...]) -> str:
    """Seal the families of one release."""
    parts = [family_bytes(family) for family in families]
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return seal.close(framed, f"families/{run_id}")


def open_families(seal: Seal, run_id: str, sealed: str) -> tuple[Family, ...]:
    """Open the families of one release."""
    content = seal.open(sealed, f"families/{run_id}")
    found, place = [], 0
    while place < len(content):
        length = int.from_bytes(content[place : place + 8], "big")
        place += 8
        found.append(family_from(content[place : place + length]))
        place += length
    return tuple(found)


def close_roster(seal: Seal, version_id: str, roster: Roster) -> str:
    """Seal the roster of a version."""
    return seal.close(roster.astype(">u8").tobytes(), f"roster/{version_id}")


def open_roster(seal: Seal, version_id: str, sealed: str) -> Roster:
    """Open the roster of a version."""
    return np.frombuffer(seal.open(sealed, f"roster/{version_id}"), dtype=">u8").astype(np.uint64)


def check_roster(seal: Seal, version_id: str, sealed: str, roster: Roster) -> None:
    """Raise SealBrokenError unless the version still has the people it was released with."""
    if not np.array_equal(open_roster(seal, version_id, sealed), roster):
        raise SealBrokenError(
            "The people of this version are not those of its earlier releases; nothing is released"
            " until an operator has looked at it."
        )
