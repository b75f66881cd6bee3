"""Survival curves by the product-limit estimator (Kaplan and Meier 1958), with weights.

Without weights a record counts once; a record whose stratum is only known as a group counts in each
stratum by its share. Ties: events come before losses at the same time.
"""

import numpy as np
import numpy.typing as npt

from tidegate.kernel.values import dataclass

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """A survival curve: from each of `times` on, the share in `alive`; 1 before the first."""

    times: Numbers
    alive: Numbers

    def at(self, times: Numbers) -> Numbers:
        """Return the share alive at each of these times."""
        steps = np.concatenate([[1.0], self.alive])
        return steps[np.searchsorted(self.times, times, side="right")]

    def median(self) -> float | None:
        """Return the first time at which no more than half are alive, None if it never comes."""
        down = np.flatnonzero(self.alive <= 0.5 + 1e-12)
        return float(self.times[down[0]]) if len(down) else None


def estimate_curve(
    times: Numbers, events: npt.NDArray[np.bool_], weights: Numbers | None = None
) -> Curve:
    """Return the curve of these records."""
    weights = np.ones(len(times)) if weights is None else weights
    moments, which = np.unique(times, return_inverse=True)
    ended = np.bincount(which, weights * events, len(moments))
    gone = np.bincount(which, weights, len(moments))
    under_risk = np.cumsum(gone[::-1])[::-1]
    stay = ended > 0
    alive: Numbers = np.cumprod(1 - ended[stay] / under_risk[stay], dtype=np.float64)
    return Curve(moments[stay], alive)


def greatest_gap(one: Curve, other: Curve, until: float) -> float:
    """Return the greatest vertical distance of two curves up to a time."""
    steps = np.union1d(one.times, other.times)
    steps = steps[steps <= until]
    return float(np.abs(one.at(steps) - other.at(steps)).max()) if len(steps) else 0.0
