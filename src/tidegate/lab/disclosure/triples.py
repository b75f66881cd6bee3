"""Three releases together: whether two earlier sets, put together, are nearly a new one.

Comparing releases by twos misses the tracker over three: the count of a cohort, and the counts of
two halves of it that leave one person out. With complements in the list, every sum or difference of
three sets is of the form "two make the third" (the individual tracker of D.E. Denning, P.J. Denning
and M.D. Schwartz, "The tracker", ACM TODS 4, 1979).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tidegate.kernel.values import dataclass
from tidegate.lab.disclosure.model import Family, Words, pack

Counts = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]
MOST_ATOMS = 40
"""Of a family with more atoms only the remainder, and so the whole cohort, is looked at."""
_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Pieces:
    """The different earlier atoms and their complements, the smallest first.

    `atom` says which of the earlier atoms a piece comes from, `flipped` whether it is everybody
    else.
    """

    atoms: Words
    everybody: Words
    atom: Places
    flipped: npt.NDArray[np.bool_]
    sizes: Counts

    def sets(self, places: Places) -> Words:
        """Return the people of some pieces."""
        turned = np.where(self.flipped[places], self.everybody[:, None], np.uint64(0)).T
        chosen: Words = self.atoms[self.atom[places]] ^ turned
        return chosen


def pieces_of(atoms: Words, people: int) -> Pieces:
    """Return the pieces of these atoms."""
    seen: dict[bytes, int] = {}
    for place, atom in enumerate(atoms):
        seen.setdefault(atom.tobytes(), place)
    different = np.fromiter(seen.values(), dtype=np.intp, count=len(seen))
    inside = _sizes(atoms[different])
    sizes = np.concatenate([inside, people - inside])
    order = np.argsort(sizes, kind="stable")
    flipped = np.repeat([False, True], len(different))
    everybody = pack(np.ones(people, dtype=np.bool_))
    return Pieces(atoms, everybody, np.tile(different, 2)[order], flipped[order], sizes[order])


def makes_three(new: Family, shared: Counts, pieces: Pieces, min_cell: int) -> bool:
    """Tell whether two pieces together differ from a new set by some people, but too few.

    `shared` counts the people each new atom shares with each earlier one.
    """
    sizes = new.sizes()
    last = len(sizes) - 1
    for row in range(len(sizes)) if len(sizes) <= MOST_ATOMS else (last,):
        atom, size = new.atoms[row], sizes[row]
        inside = shared[row][pieces.atom]
        inside = np.where(pieces.flipped, size - inside, inside)
        if _is_nearly_made(atom, size, inside, pieces, min_cell):
            return True
        others, beyond = atom ^ pieces.everybody, pieces.sizes - inside
        if _is_nearly_made(others, new.people - size, beyond, pieces, min_cell):
            return True
    return False


def _is_nearly_made(one: Words, size: int, inside: Counts, pieces: Pieces, min_cell: int) -> bool:
    for left, right in _candidates(size, inside, pieces, min_cell):
        first, second = pieces.sets(left), pieces.sets(right)
        apart = _sizes((first ^ second ^ one) | (first & second))
        if ((apart > 0) & (apart < min_cell)).any():
            return True
    return False


def _candidates(
    size: int, inside: Counts, pieces: Pieces, min_cell: int
) -> Iterator[tuple[Places, Places]]:
    """Yield the pairs whose sizes, and what they share with the set, could make it.

    Where fewer than `min_cell` people differ, fewer are in both; so two sizes add up to the set's,
    and what lies outside adds up to nothing, but for twice as many.
    """
    outside = pieces.sizes - inside
    near = np.flatnonzero(outside < 2 * min_cell)
    sizes, outside = pieces.sizes[near], outside[near]
    wanted = size - sizes
    starts = np.searchsorted(sizes, wanted - min_cell, side="right")
    starts = np.maximum(starts, np.arange(len(near)) + 1)
    widths = np.maximum(np.searchsorted(sizes, wanted + 2 * min_cell, side="left") - starts, 0)
    left = np.repeat(np.arange(len(near)), widths)
    right = np.arange(len(left)) - np.repeat(np.cumsum(widths) - widths - starts, widths)
    close = np.flatnonzero(outside[left] + outside[right] < 2 * min_cell)
    for begin in range(0, len(close), _AT_ONCE):
        chosen = close[begin : begin + _AT_ONCE]
        yield near[left[chosen]], near[right[chosen]]


def _sizes(sets: Words) -> Counts:
    counts: Counts = np.bitwise_count(sets).sum(axis=-1, dtype=np.int64)
    return counts
