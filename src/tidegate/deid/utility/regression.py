"""Least squares and logistic regression, with Wald intervals, on numpy alone.

Least squares by the normal equations of centred and scaled predictors; logistic by iteratively
reweighted least squares (McCullagh and Nelder 1989, section 2.5), started and stopped as R's glm is
(relative change of deviance below 1e-8). Intervals use the normal quantile, so for few records they
are narrower than Student's.

Predictors that the records do not tell apart are refused, or, if the caller allows it, share their
effect equally (the solution of least norm): a district whose region alone is published has the
region's effect, and a column published as `*` has none.
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
_FAR = 30.0
_SURE = 1e-8
_FLAT = 1e-9


class NotEstimableError(RecipeInvalidError):
    """The data do not determine the model: too few records, or predictors that say the same."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The constant, then the predictors in the columns' order, with standard errors."""

    coefficients: Matrix
    errors: Matrix
    merged: int
    """How many coefficients the records do not tell from others."""

    def estimate(self, place: int, scale: float = 1.0) -> Estimate:
        """Return one coefficient, for a predictor counted in units of `scale`."""
        value, error = self.coefficients[place] * scale, abs(self.errors[place] * scale)
        return Estimate(float(value), float(value - _Z * error), float(value + _Z * error))


def fit_linear(predictors: Matrix, outcome: Matrix, *, share: bool = False) -> Fit:
    """Fit by least squares, with a constant.

    Raises NotEstimableError where there is no single best fit, unless predictors may `share`.
    """
    scaled = _Scaled(predictors)
    solved, inverse, merged = _solve(scaled.matrix, outcome, share=share)
    left = outcome - scaled.matrix @ solved
    spare = len(outcome) - scaled.matrix.shape[1] + merged
    if spare < 1:
        raise _not_estimable()
    return scaled.fit(solved, inverse * (float(left @ left) / spare), merged)


def fit_logistic(predictors: Matrix, outcome: Matrix, *, share: bool = False) -> Fit:
    """Fit by maximum likelihood, with a constant; `outcome` is 0 or 1.

    Raises NotEstimableError where there is no single best fit, as when a predictor separates the
    outcomes (Albert and Anderson 1984); predictors that say the same may `share` their effect.
    """
    scaled = _Scaled(predictors)
    matrix = scaled.matrix
    if len(outcome) <= matrix.shape[1] or outcome.min() == outcome.max():
        raise _not_estimable()
    chance = (outcome + 0.5) / 2
    lean = np.log(chance / (1 - chance))
    deviance = np.inf
    for _ in range(_ROUNDS):
        weight = chance * (1 - chance)
        root = np.sqrt(weight)
        working = root * (lean + (outcome - chance) / weight)
        solved = _solve(matrix * root[:, None], working, share=share)[0]
        lean = np.clip(matrix @ solved, -_FAR, _FAR)
        chance = 1 / (1 + np.exp(-lean))
        last, deviance = deviance, float(-2 * np.log(np.abs(1 - outcome - chance)).sum())
        if abs(deviance - last) <= _SURE * (abs(deviance) + 0.1):
            break
    else:
        raise _not_estimable()
    if np.abs(lean).max() >= _FAR:
        raise _not_estimable()
    root = np.sqrt(chance * (1 - chance))
    _, inverse, merged = _solve(matrix * root[:, None], working, share=share)
    return scaled.fit(solved, inverse, merged)


class _Scaled:
    """Predictors about their means, in their standard deviations, after a column of ones."""

    def __init__(self, predictors: Matrix) -> None:
        if not len(predictors):
            raise _not_estimable()
        self._means = predictors.mean(axis=0)
        spread = predictors.std(axis=0)
        flat = spread <= _FLAT * (1 + np.abs(self._means))
        self._scales = np.where(flat, 1.0, spread)
        inside = np.where(flat, 0.0, (predictors - self._means) / self._scales)
        self.matrix: Matrix = np.column_stack([np.ones(len(predictors)), inside])

    def fit(self, solved: Matrix, covariance: Matrix, merged: int) -> Fit:
        """Return a fit in the predictors' own units."""
        back = np.diag(np.concatenate([[1.0], 1 / self._scales]))
        back[0, 1:] = -self._means / self._scales
        errors = np.sqrt(np.maximum(np.diag(back @ covariance @ back.T), 0))
        return Fit(back @ solved, errors, merged)


def _solve(matrix: Matrix, outcome: Matrix, *, share: bool) -> tuple[Matrix, Matrix, int]:
    """Solve the normal equations; return the inverse, and how many directions are empty, too."""
    strengths, axes = np.linalg.eigh(matrix.T @ matrix)
    kept = strengths > strengths[-1] * _FLAT
    merged = int((~kept).sum())
    if merged and not share:
        raise _not_estimable()
    inverse: Matrix = (axes[:, kept] / strengths[kept]) @ axes[:, kept].T
    return inverse @ (matrix.T @ outcome), inverse, merged


def _not_estimable() -> NotEstimableError:
    return NotEstimableError(
        "The records do not determine this model; name fewer predictors or coarser ones.",
        code="model_not_estimable",
    )
