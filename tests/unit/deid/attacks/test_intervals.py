"""The score interval, by a table that is known and by its definition."""

import pytest

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


def test_nothing_tried_leaves_all_open():
    assert (0.0, 1.0) == wilson(0, 0)
