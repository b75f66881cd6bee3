"""What somebody who knows the population learns, against a loop over everybody."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.deid.verifier.errors import ClaimInvalidError
from tidegate.deid.verifier.model import Population
from tidegate.deid.verifier.service import verify
from unit.deid.verifier.tables import QUASI, batches_of, claim_of, of

AGES = tuple(str(age) for age in range(6))
AGE = tuple((age, f"{int(age) // 3 * 3}-{int(age) // 3 * 3 + 2}", "*") for age in AGES)
SEX = (("F", "*"), ("M", "*"))
RANGE = {"*": set(AGES), "0-2": set("012"), "3-5": set("345"), "1-4": set("1234")} | {
    age: {age} for age in AGES
}
SEXES = {"*": set("FM"), "F": {"F"}, "M": {"M"}}
labels = st.tuples(st.sampled_from(sorted(RANGE)), st.sampled_from(sorted(SEXES)))
person = st.tuples(st.sampled_from(AGES), st.sampled_from("FM"))


def judge(published, people, *criteria):
    rows = [(*row, "flu") for row in published]
    population = Population(batches_of(QUASI, people), {"age": AGE, "sex": SEX})
    claim = claim_of(rows, *criteria, population=population)
    return verify(batches_of(("age", "sex", "illness"), rows), claim)


def covered(label, people):
    return [one for one in people if one[0] in RANGE[label[0]] and one[1] in SEXES[label[1]]]


@given(published=st.lists(labels, min_size=1, max_size=12), extra=st.lists(person, max_size=20))
def test_risks_and_presence_are_those_of_a_loop_over_everybody(published, extra):
    people = [(min(RANGE[age]), min(SEXES[sex])) for age, sex in published] + extra
    counts = {label: len(covered(label, people)) for label in published}
    shares = [Fraction(published.count(label), counts[label]) for label in counts]
    outside = [one for one in people if not any(covered(label, [one]) for label in counts)]

    verdict = judge(published, people, of("delta_presence", least=0, most=1))

    named = sum(Fraction(1, counts[label]) for label in published) / len(published)
    assert Fraction(1, min(counts.values())) == verdict.risks[1].greatest
    assert max(named, Fraction(len(counts), sum(counts.values()))) == verdict.risks[1].mean
    assert named == verdict.risks[2].mean
    least = Fraction(0) if outside else min(shares)
    assert f"{least} to {max(shares)}" == verdict.criteria[0].achieved


def test_presence_that_is_too_sure_is_a_fault():
    everybody = judge([("*", "F")] * 2, [("1", "F")] * 2, of("delta_presence", least=0, most="1/2"))
    half = judge([("*", "F")] * 2, [("1", "F")] * 4, of("delta_presence", least=0, most="1/2"))
    nobody = judge([("*", "F")] * 2, [("1", "M"), *[("1", "F")] * 4],
                   of("delta_presence", least="0.1", most=1))  # fmt: skip

    assert (False, True, False) == (everybody.holds, half.holds, nobody.holds)


def test_the_journalist_is_bounded_by_the_population_and_the_prosecutor_is_not():
    asked = [of("risk", attacker=who, most="1/4") for who in ("prosecutor", "journalist")]

    verdict = judge([("*", "F")] * 2, [("1", "F")] * 4, *asked)

    assert [("1/2", False), ("1/4", True)] == [(c.achieved, c.holds) for c in verdict.criteria]


@pytest.mark.parametrize(
    ("published", "people", "code"),
    [
        ([("*", "F")] * 3, [("1", "F")] * 2, "population_misfit"),
        ([("60-64", "F")], [("1", "F")], "label_unknown"),
    ],
)
def test_a_population_that_cannot_be_right_is_refused(published, people, code):
    with pytest.raises(ClaimInvalidError) as refused:
        judge(published, people)

    assert code == refused.value.code


def test_a_population_without_a_quasi_identifier_is_refused():
    rows = [("1", "F", "flu")]
    population = Population(batches_of(("age",), [("1",)]), {})

    with pytest.raises(ClaimInvalidError, match="lacks the column sex"):
        verify(batches_of(("age", "sex", "illness"), rows), claim_of(rows, population=population))


def test_a_column_without_a_tree_is_compared_text_by_text():
    rows, people = [("1", "F", "flu")], [("1", "F"), ("1", "F"), ("2", "F")]
    claim = claim_of(rows, population=Population(batches_of(QUASI, people), {}))

    verdict = verify(batches_of(("age", "sex", "illness"), rows), claim)

    assert Fraction(1, 2) == verdict.risks[1].greatest


def test_a_label_that_means_different_values_on_two_levels_is_refused():
    refuse_tree((("Onc", "Onc", "*"), ("Palliative", "Onc", "*")), "different values on two levels")


def test_a_hierarchy_with_rows_of_different_lengths_is_refused():
    refuse_tree((("Onc", "Cancer", "*"), ("Palliative", "*")), "different lengths")


def refuse_tree(tree, words):
    rows = [("Onc", "F", "flu")]
    population = Population(batches_of(QUASI, [("Onc", "F")]), {"age": tree, "sex": SEX})

    with pytest.raises(ClaimInvalidError, match=words):
        verify(batches_of(("age", "sex", "illness"), rows), claim_of(rows, population=population))
