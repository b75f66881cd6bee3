"""Survival curves as R prints them, and how far apart two are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.deid.utility.test_survival import curve_of

people = st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=15)


@given(people=people)
def test_without_losses_a_curve_is_the_share_that_lives_longer(people):
    times = [time for time, _ in people]

    curve = curve_of(times, [True] * len(times))

    for moment in range(10):
        alive = sum(time > moment for time in times) / len(times)
        assert alive == pytest.approx(curve.at(np.array([moment]))[0])


@given(people=people, times=st.integers(2, 3))
def test_a_weight_counts_a_record_that_often(people, times):
    moments, events = zip(*people, strict=True)

    weighted = curve_of(moments, events, np.full(len(people), float(times)))

    assert weighted.alive == pytest.approx(curve_of(moments, events).alive)
