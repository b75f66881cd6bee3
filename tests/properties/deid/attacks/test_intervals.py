"""The score interval, by a table that is known and by its definition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.deid.attacks.intervals import wilson


@given(tried=st.integers(1, 500), data=st.data())
def test_the_ends_are_the_rates_that_the_normal_test_just_accepts(tried, data):
    done = data.draw(st.integers(0, tried))
    low, high = wilson(done, tried)

    assert 0 <= low <= done / tried <= high <= 1
    for end in (low, high):
        if 0 < end < 1:
            score = abs(done / tried - end) / (end * (1 - end) / tried) ** 0.5
            assert 1.959964 == pytest.approx(score, abs=1e-5)
