"""How sure a measured rate is."""

from math import sqrt
from statistics import NormalDist

_Z = NormalDist().inv_cdf(0.975)


def wilson(succeeded: int, tried: int) -> tuple[float, float]:
    """Return the 95 % score interval of a rate (Wilson 1927; Brown, Cai, DasGupta 2001).

    Nothing tried leaves all open: 0 to 1.
    """
    if not tried:
        return 0.0, 1.0
    rate, square = succeeded / tried, _Z * _Z / tried
    middle = (rate + square / 2) / (1 + square)
    half = _Z / (1 + square) * sqrt(rate * (1 - rate) / tried + square / (4 * tried))
    low = 0.0 if not succeeded else max(middle - half, 0.0)
    return low, 1.0 if succeeded == tried else min(middle + half, 1.0)
