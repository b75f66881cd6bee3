"""Coefficients and standard errors as R prints them, and data that determine nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.deid.utility.regression import fit_logistic


@given(successes=st.integers(1, 19), failures=st.integers(1, 19))
def test_a_constant_alone_is_the_log_of_the_odds(successes, failures):
    outcome = np.array([1.0] * successes + [0.0] * failures)

    fit = fit_logistic(np.empty((len(outcome), 0)), outcome)

    assert np.log(successes / failures) == pytest.approx(fit.coefficients[0], abs=1e-6)
    error = (1 / successes + 1 / failures) ** 0.5
    assert error == pytest.approx(fit.errors[0], rel=1e-4)
