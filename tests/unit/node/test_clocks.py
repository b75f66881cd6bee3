"""Whose clock is wrong, as told to an operator."""

import pytest

from tidegate.node.clocks import clocks_apart


@pytest.mark.parametrize("ahead", [{}, {"A": 0.4}, {"A": 30.0, "B": -30.0}])
def test_clocks_within_the_leeway_are_well(ahead):
    assert "" == clocks_apart(ahead, 30)


@pytest.mark.parametrize(("sign", "word"), [(1, "behind"), (-1, "ahead of")])
def test_a_clock_that_every_other_contradicts_is_the_wrong_one(sign, word):
    told = clocks_apart({"Authority": sign * 420.0, "Faculty": sign * 421.0}, 30)

    assert told.startswith(f"this clock is {word} the others")
    assert "Authority (420 s" in told
    assert "NTP" in told
    assert "refuse each other" in told


@pytest.mark.parametrize("ahead", [{"A": 1.0, "B": 300.0}, {"A": -300.0, "B": 300.0}])
def test_where_others_agree_with_it_the_clock_that_differs_is_named(ahead):
    told = clocks_apart(ahead, 30)

    assert told.startswith("not every clock agrees with this one")
    assert "B (300 s ahead)" in told
    assert ("A" in told.split(":")[1].split(".")[0]) is (abs(ahead["A"]) > 30)
