"""Risks by the formulas, against a loop over every record."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.deid.risks.figures import REGULATORS, class_needed, measure_risks

kinds = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 30)), min_size=1, max_size=12)


@given(kinds=kinds, threshold=st.fractions("1/30", 1))
def test_figures_are_those_of_a_loop_over_every_record(kinds, threshold):
    records = [(size, size + more) for size, more in kinds for _ in range(size)]
    n = len(records)

    risks = measure_risks([f for f, _ in kinds], [f + more for f, more in kinds], threshold)

    assert max(Fraction(1, f) for f, _ in records) == risks.prosecutor.greatest
    assert sum(Fraction(1, f) for f, _ in records) / n == risks.prosecutor.mean
    assert Fraction(sum(Fraction(1, f) > threshold for f, _ in records), n) == (
        risks.prosecutor.at_risk
    )
    assert max(Fraction(1, F) for _, F in records) == risks.journalist.greatest
    assert Fraction(sum(Fraction(1, F) > threshold for _, F in records), n) == (
        risks.journalist.at_risk
    )
    assert sum(Fraction(1, F) for _, F in records) / n == risks.marketer
    assert risks.journalist.mean >= risks.marketer


@given(sizes=st.lists(st.integers(1, 20), min_size=1, max_size=9), more=st.integers(0, 9))
def test_not_knowing_the_population_never_understates_a_risk(sizes, more):
    without, known = measure_risks(sizes), measure_risks(sizes, [f + more for f in sizes])

    assert without.journalist.greatest >= known.journalist.greatest
    assert without.journalist.mean >= known.journalist.mean
    assert without.marketer >= known.marketer
    assert (False, True) == (without.population_known, known.population_known)


def test_classes_of_eleven_are_within_the_regulators_bound_and_of_ten_are_not():
    within, above = measure_risks([11, 40]), measure_risks([10, 40])

    assert 11 == class_needed(REGULATORS)
    assert (Fraction(0), Fraction(1, 5)) == (within.prosecutor.at_risk, above.prosecutor.at_risk)


def test_a_table_without_a_record_puts_nobody_at_risk():
    risks = measure_risks([])

    assert (0, 0, Fraction(0)) == (risks.records, risks.classes, risks.marketer)
    assert Fraction(0) == risks.prosecutor.greatest == risks.journalist.mean


@pytest.mark.parametrize(("sizes", "people"), [([3], [2]), ([0], [4])])
def test_figures_that_cannot_be_are_refused(sizes, people):
    with pytest.raises(ValueError, match="no more records than people"):
        measure_risks(sizes, people)


@pytest.mark.parametrize("threshold", [Fraction(0), Fraction(2)])
def test_a_threshold_that_is_no_risk_is_refused(threshold):
    with pytest.raises(ValueError, match="above 0"):
        class_needed(threshold)
