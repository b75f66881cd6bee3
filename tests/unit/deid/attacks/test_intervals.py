"""The score interval, by a table that is known and by its definition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.deid.attacks.intervals import wilson


def test_intervals_are_those_of_the_literature():
    """Newcombe 1998, table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for done, tried, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert (low, high) == pytest.approx(wilson(done, tried), abs=5e-5)


@given(tried=st.integers(1, 500), data=st.data())
def test_the_ends_are_the_rates_that_the_normal_test_just_accepts(tried, data):
    done = data.draw(st.integers(0, tried))
    low, high = wilson(done, tried)

    assert 0 <= low <= done / tried <= high <= 1
    for end in (low, high):
        if 0 < end < 1:
            score = abs(done / tried - end) / (end * (1 - end) / tried) ** 0.5
            assert 1.959964 == pytest.approx(score, abs=1e-5)


def test_nothing_tried_leaves_all_open():
    assert (0.0, 1.0) == wilson(0, 0)
