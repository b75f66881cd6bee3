"""Differencing: whether a result may stand beside everything that was released before.

Two releases tell a reader about unions of their atoms. Nobody may learn about fewer than
`min_cell` people by subtracting one union from another. In the graph that joins an atom of one
family with an atom of the other by the people they share, a pair of unions is a cut, and the
people in one and not the other are its weight: the releases are safe beside each other when no
cut between connected atoms is lighter than `min_cell`. Complements are unions too, since the last
atom of a family is everybody else. The minimum cut is found by contracting heavy edges, then by
M. Stoer and F. Wagner, "A simple min-cut algorithm", JACM 44, 1997. Besides, two earlier sets
together are held against a new one (`triples`), and all curves of a result together against every
other result (`courses`).
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from tidegate.lab.disclosure.courses import Courses
from tidegate.lab.disclosure.model import Family, FamilyKind, Words, pack
from tidegate.lab.disclosure.triples import Pieces, makes_three, pieces_of
from tidegate.lab.errors import TooCloseError

Shared = npt.NDArray[np.int64]


def check_beside(new: Iterable[Family], earlier: "Ledger", min_cell: int) -> None:
    """Raise TooCloseError when a new family and an earlier one together single people out."""
    families = tuple(new)
    if any(earlier.is_too_close(family, min_cell) for family in families) or (
        earlier.courses.are_too_close(families, min_cell)
    ):
        raise TooCloseError(
            "Beside a result that was already released, this one would single out a few"
            " people. Change a condition or a band by more, so that at least"
            f" {min_cell} people move, or ask for the same groups as before, or for longer steps of"
            " a curve.",
            code="too_close_to_earlier_release",
        )


class Ledger:
    """The families released so far for one list of people, ready to be compared at once."""

    def __init__(self, people: int, *, knows_everybody: bool = True) -> None:
        self._cells = _Shelf([everybody(people)] if knows_everybody else [])
        self._steps = _Shelf([])
        self.courses = Courses()
        self._pieces: Pieces | None = None

    def add(self, *release: Family) -> None:
        """Remember the families of one release."""
        self.courses.add(release)
        for family in release:
            if family.kind is FamilyKind.STEPS:
                self._steps.add(family)
            else:
                self._cells.add(family)
                self._pieces = None

    def is_too_close(self, new: Family, min_cell: int) -> bool:
        """Tell whether new atoms are too close to earlier ones: unions by twos, sets by threes.

        The steps of one curve are held against all cells, and against those of curves of the same
        people.
        """
        if new.kind is FamilyKind.STEPS:
            return self._cells.is_too_close(new, min_cell) or any(
                is_too_close(shared_people(new.atoms, old.atoms), min_cell)
                for old in self._steps.families
                if np.array_equal(new.atoms[-1], old.atoms[-1])
            )
        if self._steps.is_too_close(new, min_cell):
            return True
        if not self._cells.families:
            return False
        shared = self._cells.shared(new)
        return self._cells.is_too_close(new, min_cell, shared) or makes_three(
            new, shared, self._listed_pieces(new.people), min_cell
        )

    def _listed_pieces(self, people: int) -> Pieces:
        if self._pieces is None:
            self._pieces = pieces_of(self._cells.atoms, people)
        return self._pieces


class _Shelf:
    """Families of one kind, their atoms in one stack."""

    def __init__(self, families: list[Family]) -> None:
        self.families = families
        self._stacked: Words | None = None

    def add(self, family: Family) -> None:
        self.families.append(family)
        self._stacked = None

    @property
    def atoms(self) -> Words:
        if self._stacked is None:
            self._stacked = np.concatenate([family.atoms for family in self.families])
        return self._stacked

    def shared(self, new: Family) -> Shared:
        return shared_people(new.atoms, self.atoms)

    def is_too_close(self, new: Family, min_cell: int, shared: Shared | None = None) -> bool:
        """Tell whether a union of new atoms is too close to one of the atoms of one family."""
        if not self.families:
            return False
        shared = self.shared(new) if shared is None else shared
        ends = np.cumsum([len(family.atoms) for family in self.families]).tolist()
        starts = [0, *ends[:-1]]
        doubtful = ~_plainly_safe(shared, starts, min_cell)
        return any(
            is_too_close(shared[:, low:high], min_cell)
            for low, high, doubt in zip(starts, ends, doubtful, strict=True)
            if doubt
        )


def everybody(people: int) -> Family:
    """Return the family everyone knows without asking: all people of the version."""
    return Family(FamilyKind.CELLS, people, pack(np.ones(people, dtype=np.bool_))[None, :])


def shared_people(new: Words, old: Words) -> Shared:
    """Count the people each new atom shares with each old one."""
    rows = [np.bitwise_count(atom[None, :] & old).sum(axis=1, dtype=np.int64) for atom in new]
    return np.stack(rows)


def _plainly_safe(shared: Shared, starts: list[int], min_cell: int) -> npt.NDArray[np.bool_]:
    """Tell, for each earlier family, whether heavy edges alone join all its atoms to the new ones.

    They do when everybody else of the new family shares enough with each earlier atom, and each
    new atom shares enough with some earlier one: then no light cut exists.
    """
    spokes = np.minimum.reduceat(shared[-1], starts) >= min_cell
    rims = np.maximum.reduceat(shared, starts, axis=1).min(axis=0) >= min_cell
    safe: npt.NDArray[np.bool_] = spokes & rims
    return safe


def is_too_close(shared: Shared, min_cell: int) -> bool:
    """Tell whether some cut of the graph of shared people weighs between 1 and min_cell - 1."""
    weights = _contracted(_graph(shared), min_cell)
    return any(
        _has_light_cut(weights[np.ix_(group, group)], min_cell)
        for group in _components(weights)
        if len(group) > 1
    )


def _graph(shared: Shared) -> Shared:
    new, old = shared.shape
    weights = np.zeros((new + old, new + old), dtype=np.int64)
    weights[:new, new:] = shared
    weights[new:, :new] = shared.T
    return weights


def _components(weights: Shared) -> list[list[int]]:
    joined, groups = weights > 0, []
    waiting = np.ones(len(weights), dtype=np.bool_)
    while waiting.any():
        group = np.zeros(len(weights), dtype=np.bool_)
        edge = group.copy()
        edge[waiting.argmax()] = True
        while edge.any():
            group |= edge
            edge = joined[edge].any(axis=0) & ~group
        waiting &= ~group
        groups.append([int(node) for node in np.flatnonzero(group)])
    return groups


def _contracted(weights: Shared, heavy: int) -> Shared:
    """Merge nodes joined by `heavy` people or more: no light cut can part them."""
    while True:
        groups = _components(weights * (weights >= heavy))
        if len(groups) == len(weights):
            return weights
        weights = _merged(weights, groups)


def _merged(weights: Shared, groups: list[list[int]]) -> Shared:
    member = np.zeros((len(groups), len(weights)), dtype=np.int64)
    for row, group in zip(member, groups, strict=True):
        row[group] = 1
    merged: Shared = member @ weights @ member.T
    np.fill_diagonal(merged, 0)
    return merged


def _has_light_cut(weights: Shared, heavy: int) -> bool:
    """Tell whether some cut of a connected graph is lighter than `heavy`.

    Nodes are taken in the order of how strongly they hang on those before. The last one's whole
    weight is a cut. Where an arc brings a node's pull to `heavy`, no lighter cut parts its ends, so
    they are merged; the last node's arcs do, so every round leaves fewer nodes.
    """
    while len(weights) > 1:
        joined, pull = np.zeros_like(weights), np.zeros(len(weights), dtype=np.int64)
        waiting = np.ones(len(weights), dtype=np.bool_)
        node = 0
        for _ in range(len(weights)):
            waiting[node] = False
            last = int(pull[node])
            pull = pull + weights[node] * waiting
            bound = waiting & (weights[node] > 0) & (pull >= heavy)
            joined[node, bound] = joined[bound, node] = 1
            node = int(np.where(waiting, pull, -1).argmax())
        if last < heavy:
            return True
        weights = _contracted(_merged(weights, _components(joined)), heavy)
    return False
