"""l-diversity of the published classes (Machanavajjhala, Kifer, Gehrke, Venkitasubramaniam 2007).

Distinct, entropy (definition 4.1) and recursive (c,l) (definition 4.2). Where a floating-point
sum comes close to the bound, whole numbers decide.
"""

from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from math import prod

import numpy as np

from tidegate.deid.verifier.classes import Pairs

_CLOSE = 1e-9
_BLOCK = 1 << 20


def fewest_values(pairs: Pairs) -> int:
    """Return the fewest different values that a class has."""
    return int(np.bincount(pairs.places, minlength=len(pairs.sizes)).min())


def entropy_holds(pairs: Pairs, least: Fraction) -> tuple[str, bool]:
    """Return exp of the least entropy of a class, and whether no class is below log of `least`."""
    sizes = pairs.sizes.astype(float)
    spread = np.zeros(len(sizes))
    for start in range(0, len(pairs.places), _BLOCK):
        block = slice(start, start + _BLOCK)
        counts = pairs.counts[block].astype(float)
        np.add.at(spread, pairs.places[block], counts * np.log(counts))
    entropies = np.log(sizes) - spread / sizes
    bound = float(np.log(float(least)))
    close = np.flatnonzero(np.abs(entropies - bound) <= _CLOSE)
    holds = not bool((entropies < bound - _CLOSE).any())
    kinds = {tuple(sorted(pairs.counts[_run(pairs, int(place))].tolist())) for place in close}
    holds = holds and all(_reaches(counts, least) for counts in kinds)
    reached = Decimal(float(np.exp(entropies.min())) * (1 + 1e-12))
    return str(reached.quantize(Decimal("0.000001"), ROUND_FLOOR)), holds


def _reaches(counts: tuple[int, ...], least: Fraction) -> bool:
    """Compare n^n with l^n times the product of c^c: the same bound, in whole numbers."""
    size = sum(counts)
    product: int = prod(count**count for count in counts)
    left: int = (size * least.denominator) ** size
    right: int = least.numerator**size * product
    return left >= right


def recursive_holds(pairs: Pairs, bound: Fraction, least: int) -> tuple[str, bool]:
    """Return the greatest r1 / (r_l + … + r_m) of a class, and whether all are below `bound`.

    A class of fewer than l values has an empty tail: its ratio has no bound.
    """
    order = np.lexsort((-pairs.counts, pairs.places))
    places, counts = pairs.places[order], pairs.counts[order]
    starts = np.searchsorted(places, np.arange(len(pairs.sizes)))
    ranks = np.arange(len(places)) - starts[places]
    tails = np.zeros(len(pairs.sizes), np.int64)
    np.add.at(tails, places[ranks >= least - 1], counts[ranks >= least - 1])
    tops = counts[starts]
    if not tails.all():
        return "unbounded", False
    ratios = tops / tails
    near = ratios >= ratios.max() * (1 - _CLOSE)
    pairs_near = {*zip(tops[near].tolist(), tails[near].tolist(), strict=True)}
    worst = max(Fraction(top, tail) for top, tail in pairs_near)
    return str(worst), worst < bound


def _run(pairs: Pairs, place: int) -> slice:
    start, stop = np.searchsorted(pairs.places, [place, place + 1])
    return slice(int(start), int(stop))
