"""Differencing: whether a result may stand beside everything that was released before.

Two releases tell a reader about unions of their atoms. Nobody may learn about fewer than
`min_cell` people by subtracting one union from another. In the graph that joins an atom of one
family with an atom of the other by the people they share, a pair of unions is a cut, and the
people in one and not the other are its weight: the releases are safe beside each other when no
cut between connected atoms is lighter than `min_cell`. Complements are unions too, since the last
atom of a family is everybody else. The minimum cut is found by contracting heavy edges, then by
M. Stoer and F. Wagner, "A simple min-cut algorithm", JACM 44, 1997. Besides, two earlier sets
together are held against a new one (`triples`).
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from tidegate.lab.disclosure.model import Family, FamilyKind, Words, pack
from tidegate.lab.disclosure.triples import Pieces, makes_three, pieces_of
from tidegate.lab.errors import TooCloseError

Shared = npt.NDArray[np.int64]


def check_beside(new: Iterable[Family], earlier: "Ledger", min_cell: int) -> None:
    """Raise TooCloseError when a new family and an earlier one together single people out."""
    for family in new:
        if earlier.is_too_close(family, min_cell):
            raise TooCloseError(
                "Beside a result that was already released, this one would single out a few"
                " people. Change a condition or a band by more, so that at least"
                f" {min_cell} people move, or ask for the same groups as before.",
                code="too_close_to_earlier_release",
            )


class Ledger:
    """The families released so far for one list of people, ready to be compared at once."""

    def __init__(self, people: int, *, knows_everybody: bool = True) -> None:
        self._cells: list[Family] = [everybody(people)] if knows_everybody else []
        self._steps: list[Family] = []
        self._stacked: tuple[Words, list[int]] | None = None
        self._pieces: Pieces | None = None

    def add(self, family: Family) -> None:
        """Remember a released family."""
        (self._cells if family.kind is FamilyKind.CELLS else self._steps).append(family)
        self._stacked = self._pieces = None

    def is_too_close(self, new: Family, min_cell: int) -> bool:
        """Tell whether new atoms are too close to earlier ones: unions by twos, sets by threes."""
        if new.kind is FamilyKind.STEPS:
            return any(
                is_too_close(shared_people(new.atoms, old.atoms), min_cell)
                for old in self._steps
                if np.array_equal(new.atoms[-1], old.atoms[-1])
            )
        if not self._cells:
            return False
        atoms, starts = self._stack()
        shared = shared_people(new.atoms, atoms)
        doubtful = ~_plainly_safe(shared, starts, min_cell)
        bounds = zip(starts, [*starts[1:], len(atoms)], strict=True)
        by_twos = any(
            is_too_close(shared[:, low:high], min_cell)
            for (low, high), doubt in zip(bounds, doubtful, strict=True)
            if doubt
        )
        return by_twos or makes_three(new, shared, self._listed_pieces(new.people), min_cell)

    def _listed_pieces(self, people: int) -> Pieces:
        if self._pieces is None:
            self._pieces = pieces_of(self._stack()[0], people)
        return self._pieces

    def _stack(self) -> tuple[Words, list[int]]:
        if self._stacked is None:
            sizes = [len(family.atoms) for family in self._cells]
            starts = [0, *np.cumsum(sizes)[:-1].tolist()]
            self._stacked = np.concatenate([family.atoms for family in self._cells]), starts
        return self._stacked


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
    for group in _components(weights):
        if len(group) > 1 and _minimum_cut(weights[np.ix_(group, group)]) < min_cell:
            return True
    return False


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
        member = np.zeros((len(groups), len(weights)), dtype=np.int64)
        for row, group in zip(member, groups, strict=True):
            row[group] = 1
        weights = member @ weights @ member.T
        np.fill_diagonal(weights, 0)


def _merged(weights: Shared, a: int, b: int) -> Shared:
    weights = weights.copy()
    weights[a] += weights[b]
    weights[:, a] += weights[:, b]
    weights[a, a] = 0
    return np.delete(np.delete(weights, b, axis=0), b, axis=1)


def _minimum_cut(weights: Shared) -> int:
    """Return the weight of the lightest cut of a connected graph."""
    lightest = int(weights.sum())
    while len(weights) > 1:
        order, pull = [0], weights[0].copy()
        while len(order) < len(weights):
            pull[order] = -1
            order.append(int(pull.argmax()))
            last = int(pull[order[-1]])
            pull = pull + weights[order[-1]]
        lightest = min(lightest, last)
        weights = _merged(weights, order[-2], order[-1])
    return lightest
