"""Least squares and logistic regression, with Wald intervals, on numpy alone.

Least squares by QR decomposition; logistic by iteratively reweighted least squares (McCullagh and
Nelder 1989, section 2.5), started and stopped as R's glm does (relative change of deviance below
1e-8). Intervals use the normal quantile, so for few records they are narrower than Student's.
"""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.utility.model import Estimate
from tidegate.kernel.values import dataclass

Matrix = npt.NDArray[np.float64]
_Z = NormalDist().inv_cdf(0.975)
_ROUNDS = 50
_SURE = 1e-8


class NotEstimableError(RecipeInvalidError):
    """The data do not determine the model: too few records, or predictors that say the same."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients in the columns' order, and their standard errors."""

    coefficients: Matrix
    errors: Matrix

    def estimate(self, place: int, scale: float = 1.0) -> Estimate:
        """Return one coefficient, for a predictor counted in units of `scale`."""
        value, error = self.coefficients[place] * scale, abs(self.errors[place] * scale)
        return Estimate(float(value), float(value - _Z * error), float(value + _Z * error))


def fit_linear(design: Matrix, outcome: Matrix) -> Fit:
    """Fit by least squares. Raises NotEstimableError where there is no single best fit."""
    rows, width = design.shape
    if rows <= width:
        raise _not_estimable()
    q, r = np.linalg.qr(design)
    _check_rank(r)
    coefficients = np.linalg.solve(r, q.T @ outcome)
    left = outcome - design @ coefficients
    variance = float(left @ left) / (rows - width)
    return Fit(coefficients, np.sqrt(variance * _diagonal(r)))


def fit_logistic(design: Matrix, outcome: Matrix) -> Fit:
    """Fit by maximum likelihood; `outcome` is 0 or 1.

    Raises NotEstimableError where there is no single best fit, as when a predictor separates the
    outcomes (Albert and Anderson 1984).
    """
    rows, width = design.shape
    if rows <= width or outcome.min() == outcome.max():
        raise _not_estimable()
    chance = (outcome + 0.5) / 2
    lean = np.log(chance / (1 - chance))
    deviance = np.inf
    for _ in range(_ROUNDS):
        weight = chance * (1 - chance)
        root = np.sqrt(weight)
        q, r = np.linalg.qr(design * root[:, None])
        _check_rank(r)
        coefficients = np.linalg.solve(r, q.T @ (root * (lean + (outcome - chance) / weight)))
        lean = np.clip(design @ coefficients, -30, 30)
        chance = 1 / (1 + np.exp(-lean))
        last, deviance = deviance, float(-2 * np.log(np.abs(1 - outcome - chance)).sum())
        if abs(deviance - last) <= _SURE * (abs(deviance) + 0.1):
            break
    else:
        raise _not_estimable()
    if np.abs(lean).max() >= 30:
        raise _not_estimable()
    root = np.sqrt(chance * (1 - chance))
    r = np.linalg.qr(design * root[:, None])[1]
    _check_rank(r)
    return Fit(coefficients, np.sqrt(_diagonal(r)))


def _check_rank(r: Matrix) -> None:
    sizes = np.abs(np.diag(r))
    if sizes.min() <= sizes.max() * 1e-10:
        raise _not_estimable()


def _diagonal(r: Matrix) -> Matrix:
    """Return the diagonal of the inverse of r'r."""
    inverse = np.linalg.solve(r, np.eye(len(r)))
    return np.asarray((inverse**2).sum(axis=1), float)


def _not_estimable() -> NotEstimableError:
    return NotEstimableError(
        "The records do not determine this model; name fewer predictors or coarser ones.",
        code="model_not_estimable",
    )
