"""Survival curves as R prints them, and how far apart two are."""

import numpy as np
import pytest

from tidegate.deid.utility.survival import estimate_curve, greatest_gap

# leukaemia maintenance trial (Miller 1997; R's survival::aml): months, and who relapsed
MAINTAINED = ([9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161], [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0])
OTHERS = ([5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45], [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1])


def curve_of(times, events, weights=None):
    return estimate_curve(np.array(times, float), np.array(events, bool), weights)


def test_curves_are_those_of_r():
    """`summary(survfit(Surv(time, status) ~ x, aml))`."""
    one, other = curve_of(*MAINTAINED), curve_of(*OTHERS)

    assert [9, 13, 18, 23, 31, 34, 48] == one.times.tolist()
    assert one.alive == pytest.approx([0.909, 0.818, 0.716, 0.614, 0.491, 0.368, 0.184], abs=5e-4)
    expected = [0.8333, 0.6667, 0.5833, 0.4861, 0.3889, 0.2917, 0.1944, 0.0972, 0]
    assert other.alive == pytest.approx(expected, abs=5e-5)
    assert (31, 23) == (one.median(), other.median())


def test_the_gap_is_the_greatest_vertical_distance():
    one, other = curve_of(*MAINTAINED), curve_of(*OTHERS)
    slow = max(abs(one.at(np.array([t]))[0] - other.at(np.array([t]))[0]) for t in range(100))

    assert slow == pytest.approx(greatest_gap(one, other, 161.0))
    assert 0.0 == greatest_gap(one, one, 161.0) == greatest_gap(one, other, 4.0)


def test_a_curve_that_stays_above_one_half_has_no_median():
    assert None is curve_of([1, 2, 3], [1, 0, 0]).median()
