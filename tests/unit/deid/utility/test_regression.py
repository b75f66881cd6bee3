"""Coefficients and standard errors as R prints them, and data that determine nothing."""

import numpy as np
import pytest

from tidegate.deid.utility.regression import NotEstimableError, fit_linear, fit_logistic

# Motor Trend 1974, as in R's mtcars: miles a gallon, weight, manual gear
MPG = """21 21 22.8 21.4 18.7 18.1 14.3 24.4 22.8 19.2 17.8 16.4 17.3 15.2 10.4 10.4 14.7 32.4 30.4
33.9 21.5 15.5 15.2 13.3 19.2 27.3 26 30.4 15.8 19.7 15 21.4"""
WT = """2.62 2.875 2.32 3.215 3.44 3.46 3.57 3.19 3.15 3.44 3.44 4.07 3.73 3.78 5.25 5.424 5.345 2.2
1.615 1.835 2.465 3.52 3.435 3.84 3.845 1.935 2.14 1.513 3.17 2.77 3.57 2.78"""
AM = "1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 1 1 0 0 0 0 0 1 1 1 1 1 1 1"
MPG, WT, AM = (np.array(text.split(), float) for text in (MPG, WT, AM))
DESIGN = WT[:, None]


def test_least_squares_is_that_of_r():
    """`lm(mpg ~ wt, mtcars)`: 37.2851 (1.8776), -5.3445 (0.5591)."""
    fit = fit_linear(DESIGN, MPG)

    assert fit.coefficients == pytest.approx([37.2851, -5.3445], abs=5e-5)
    assert fit.errors == pytest.approx([1.8776, 0.5591], abs=5e-5)


def test_logistic_regression_is_that_of_r():
    """`glm(am ~ wt, binomial, mtcars)`: 12.040 (4.510), -4.024 (1.436)."""
    fit = fit_logistic(DESIGN, AM)

    assert fit.coefficients == pytest.approx([12.040, -4.024], abs=5e-4)
    assert fit.errors == pytest.approx([4.510, 1.436], abs=1e-3)


def test_an_estimate_has_its_interval_in_the_predictors_units():
    estimate = fit_linear(DESIGN, MPG).estimate(1, scale=2.0)

    assert -10.689 == pytest.approx(estimate.value, abs=5e-4)
    assert 2 * 1.959964 * 2 * 0.5591 == pytest.approx(estimate.high - estimate.low, abs=5e-4)


@pytest.mark.parametrize("fit", [fit_linear, fit_logistic])
def test_what_the_records_do_not_determine_is_refused(fit):
    twice = np.column_stack([WT, 2 * WT])

    with pytest.raises(NotEstimableError):
        fit(twice, AM)
    for rows in (slice(0), slice(2, 4)):
        with pytest.raises(NotEstimableError):
            fit(DESIGN[rows], AM[rows])


def test_outcomes_that_a_predictor_separates_are_refused():
    with pytest.raises(NotEstimableError):
        fit_logistic(DESIGN, (WT > 3).astype(float))
    with pytest.raises(NotEstimableError):
        fit_logistic(DESIGN, np.ones(32))


@pytest.mark.parametrize("fit", [fit_linear, fit_logistic])
def test_predictors_that_say_the_same_share_their_effect_if_they_may(fit):
    alone = fit(DESIGN, AM)

    shared = fit(np.column_stack([WT, WT, np.full(32, 7.0)]), AM, share=True)

    half = alone.coefficients[1] / 2
    assert [half, half, 0] == pytest.approx(shared.coefficients[1:].tolist(), abs=1e-6)
    assert alone.coefficients[0] == pytest.approx(shared.coefficients[0], abs=1e-6)
    assert (0, 2) == (alone.merged, shared.merged)
