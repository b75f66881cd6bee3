"""Measure what a published table is still good for.

Loss is about cells; what a steward cares about is whether the data still say the same. So the
models and curves that matter for a table are fitted twice, on the original and on what is
published, and their difference is the measure (Karr et al. 2006; Purdam and Elliot 2007).
"""

from collections.abc import Sequence

import numpy as np

from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.tables.model import Recoding, TableInput
from tidegate.deid.utility.features import Feature, Numbers, read_feature
from tidegate.deid.utility.loss import measure_loss
from tidegate.deid.utility.model import (
    CoefficientMove,
    CurveMove,
    Regression,
    RegressionMove,
    Survival,
    SurvivalMove,
    Utility,
)
from tidegate.deid.utility.regression import Fit, NotEstimableError, fit_linear, fit_logistic
from tidegate.deid.utility.survival import Curve, estimate_curve, greatest_gap
from tidegate.kernel.values import dataclass


def measure(
    before: TableInput,
    after: Recoding,
    regressions: Sequence[Regression] = (),
    survivals: Sequence[Survival] = (),
) -> Utility:
    """Return the loss, and how far the named models and curves moved.

    A model that cannot be fitted says why in `trouble`. Raises RecipeInvalidError for a column
    that is not there.
    """
    return Utility(
        loss=measure_loss(before, after),
        regressions=tuple(_move_regression(before, after, one) for one in regressions),
        survivals=tuple(_move_survival(before, after, one) for one in survivals),
    )


@dataclass(frozen=True, slots=True)
class _Design:
    names: tuple[str, ...]
    matrix: Numbers
    outcome: Numbers


def _move_regression(before: TableInput, after: Recoding, asked: Regression) -> RegressionMove:
    predictors = [read_feature(name, before, None) for name in asked.predictors]
    common = [_most_common(feature) for feature in predictors]
    designs = [_design(before, which, asked, common) for which in (None, after)]
    old, new = designs
    rows = (len(old.outcome), len(new.outcome))
    scales = old.matrix.std(axis=0) if rows[0] else np.ones(len(old.names))
    used = [place for place in range(len(old.names)) if scales[place] > 0]
    try:
        fits = [_fit(one.matrix[:, used], one.outcome, asked, share=one is new) for one in designs]
    except NotEstimableError as problem:
        return RegressionMove(asked, rows, (), trouble=problem.message)
    unit = 1.0 if asked.event else float(old.outcome.std()) or 1.0
    moves = tuple(
        CoefficientMove(
            old.names[place],
            fits[0].estimate(number, float(scales[place]) / unit),
            fits[1].estimate(number, float(scales[place]) / unit),
        )
        for number, place in enumerate(used, 1)
    )
    return RegressionMove(asked, rows, moves, fits[1].merged)


def _fit(matrix: Numbers, outcome: Numbers, asked: Regression, *, share: bool) -> Fit:
    fit = fit_logistic if asked.event else fit_linear
    return fit(matrix, outcome, share=share)


def _most_common(feature: Feature) -> int:
    """Return the category others are compared with; categories only."""
    return -1 if feature.numeric else int(np.nansum(feature.values, axis=0).argmax())


def _design(
    before: TableInput, after: Recoding | None, asked: Regression, common: Sequence[int]
) -> _Design:
    outcome = _outcome(before, after, asked.outcome, asked.event)
    names: list[str] = []
    columns = [np.empty((len(outcome), 0))]
    for name, left_out in zip(asked.predictors, common, strict=True):
        feature = read_feature(name, before, after)
        places = [place for place in range(len(feature.names)) if place != left_out]
        names += [name if feature.numeric else f"{name}={feature.names[p]}" for p in places]
        columns.append(feature.values[:, places])
    matrix = np.concatenate(columns, axis=1)
    whole = ~np.isnan(matrix).any(axis=1) & ~np.isnan(outcome)
    return _Design(tuple(names), matrix[whole], outcome[whole])


def _outcome(before: TableInput, after: Recoding | None, name: str, event: str) -> Numbers:
    """Return a numeric outcome, or the share of the event's value."""
    feature = read_feature(name, before, after)
    if not event:
        if not feature.numeric:
            raise RecipeInvalidError(
                f"The outcome {name} is no number; say which of its values is the event.",
                code="measure_outcome",
            )
        return feature.values[:, 0]
    if feature.numeric:
        values = feature.values[:, 0]
        found = np.where(np.isnan(values), np.nan, (values == float(event)).astype(float))
    elif event in feature.names:
        found = np.round(feature.values[:, feature.names.index(event)])
    else:
        raise RecipeInvalidError(
            f"The outcome {name} has no such value as the event that is named.",
            code="measure_event",
        )
    return np.asarray(found, float)


def _move_survival(before: TableInput, after: Recoding, asked: Survival) -> SurvivalMove:
    old, new = (_curves(before, which, asked) for which in (None, after))
    until = old[1]
    curves = tuple(
        CurveMove(stratum, greatest_gap(curve, new[0][stratum], until),
                  curve.median(), new[0][stratum].median())
        for stratum, curve in old[0].items()
    )  # fmt: skip
    return SurvivalMove(asked, (old[2], new[2]), curves, "" if curves else "No record is complete.")


def _curves(
    before: TableInput, after: Recoding | None, asked: Survival
) -> tuple[dict[str, Curve], float, int]:
    """Return a curve for each stratum, the last time that was seen, and the complete records."""
    times = _outcome(before, after, asked.time, "")
    ended = _outcome(before, after, asked.status, asked.event)
    whole = ~np.isnan(times) & ~np.isnan(ended)
    shares = {"": np.ones(len(times))}
    if asked.by:
        strata = read_feature(asked.by, before, after)
        if strata.numeric:
            raise RecipeInvalidError(
                f"The column {asked.by} is a number; name one of categories for the curves.",
                code="measure_strata",
            )
        whole &= ~np.isnan(strata.values).any(axis=1)
        shares = {name: strata.values[:, place] for place, name in enumerate(strata.names)}
    times, events = times[whole], ended[whole] == 1
    if not len(times):
        return {}, 0.0, 0
    curves = {
        name: estimate_curve(times, events, w[whole])
        for name, w in shares.items()
        if after is not None or w[whole].any()
    }
    return curves, float(times.max()), len(times)
