"""The verifier's figures, against a naive twin and against those of another program."""

import math
from fractions import Fraction

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.deid.verifier.errors import (
    ClaimInvalidError,
    NotBorneOutError,
    PublishedUnreadableError,
)
from tidegate.deid.verifier.service import require, verify
from unit.deid.verifier.tables import Naive, batches_of, claim_of, of, write_csv

NAMES = ("age", "sex", "illness")
ORDER = ("0", "1", "2", "3", "4", "5")
TREE = tuple((leaf, f"pair{n // 2}", f"half{n // 4}", "*") for n, leaf in enumerate(ORDER))
rows_strategy = st.lists(
    st.tuples(
        st.sampled_from(["20-29", "30-39", ""]), st.sampled_from("FM"), st.sampled_from(ORDER)
    ),
    min_size=1,
    max_size=60,
)


def check(rows, *criteria, **other):
    return verify(batches_of(NAMES, rows), claim_of(rows, *criteria, **other))


def achieved(rows, criterion):
    return check(rows, criterion).criteria[0].achieved


@given(rows=rows_strategy)
def test_classes_and_risks_are_those_of_the_naive_twin(rows):
    naive = Naive(rows)

    verdict = check(rows)

    assert (len(rows), len(naive.classes)) == (verdict.records, verdict.classes)
    assert (naive.k(), max(map(len, naive.classes))) == (verdict.smallest, verdict.largest)
    mean = Fraction(len(naive.classes), len(rows))
    expected = [(Fraction(1, naive.k()), mean), (Fraction(1, naive.k()), mean), (mean, mean)]
    assert expected == [(risk.greatest, risk.mean) for risk in verdict.risks]


@given(rows=rows_strategy, least=st.integers(1, 4))
def test_diversity_is_that_of_the_naive_twin(rows, least):
    naive = Naive(rows)
    worst = naive.recursive(least)

    assert str(naive.distinct()) == achieved(rows, of("distinct_l", column="illness", l=2))
    found = float(achieved(rows, of("entropy_l", column="illness", l=2)))
    assert naive.entropy() == pytest.approx(found, abs=2e-6)
    asked = of("recursive_l", column="illness", c=2, l=least)
    assert ("unbounded" if worst is None else str(worst)) == achieved(rows, asked)
    assert (worst is not None and worst < 2) == check(rows, asked).criteria[0].holds


@given(rows=rows_strategy)
def test_closeness_is_that_of_the_naive_twin_to_the_last_digit(rows):
    naive, about = Naive(rows), {"column": "illness", "t": "0.5"}

    equal = achieved(rows, of("t_closeness", distance="equal", **about))
    ordered = achieved(rows, of("t_closeness", distance="ordered", **about))
    named = achieved(rows, of("t_closeness", distance="ordered", order=list(ORDER), **about))
    tree = achieved(rows, of("t_closeness", distance="hierarchical", hierarchy=TREE, **about))

    assert str(naive.equal()) == equal
    assert str(naive.ordered(ORDER)) == ordered == named
    assert str(naive.hierarchical(TREE)) == tree


@given(counts=st.lists(st.integers(1, 4), min_size=1, max_size=4), least=st.integers(1, 4))
def test_entropy_at_its_very_bound_is_decided_in_whole_numbers(counts, least):
    rows = [("20-29", "F", str(n)) for n, count in enumerate(counts) for _ in range(count)]
    size = len(rows)

    holds = check(rows, of("entropy_l", column="illness", l=least)).criteria[0].holds

    assert (size**size >= least**size * math.prod(c**c for c in counts)) == holds


def test_figures_are_those_of_pycanon():
    """pycanon 1.3.5 on this table, with numbers and with texts; it cuts entropy-l."""
    rows = [(str(i * 7 % 5), str(i * i % 3), str((i * i * i + i // 7) % 11)) for i in range(600)]
    about = {"column": "illness", "t": "0.3"}

    equal, ordered, entropy, distinct, k = check(
        rows,
        of("t_closeness", distance="equal", **about),
        of("t_closeness", distance="ordered", **about),
        of("entropy_l", column="illness", l=9),
        of("distinct_l", column="illness", l=11),
        of("k_anonymity", k=40),
    ).criteria

    assert ("40", "11") == (k.achieved, distinct.achieved)
    assert float(Fraction(equal.achieved)) == pytest.approx(0.24166666666666664, abs=1e-15)
    assert float(Fraction(ordered.achieved)) == pytest.approx(0.11883333333333335, abs=1e-15)
    assert math.floor(float(entropy.achieved)) == 9


def test_a_claim_that_holds_is_borne_out_by_csv_parquet_and_batches_alike(tmp_path):
    rows = [("20-29", "F", "flu"), ("20-29", "F", "cold"), ("*", "M", "flu"), ("*", "M", "cold")]
    claim = claim_of(rows, of("k_anonymity", k=2), of("distinct_l", column="illness", l=2))
    table = pa.Table.from_batches(batches_of(NAMES, rows)())
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")

    verdicts = [
        require(verify(published, claim))
        for published in (
            write_csv(tmp_path / "t.csv", NAMES, rows),
            tmp_path / "t.parquet",
            batches_of(NAMES, rows, size=1),
        )
    ]

    assert 1 == len({(v.criteria, v.risks, v.classes, v.columns) for v in verdicts})
    assert ["2", "2"] == [one.achieved for one in verdicts[0].criteria]


@pytest.mark.parametrize(
    ("criterion", "code"),
    [
        (of("m_invariance", m=2), "criterion_unknown"),
        ({"k": 2}, "criterion_unknown"),
        (of("k_anonymity"), "criterion_malformed"),
        (of("k_anonymity", k=2, except_for="three"), "criterion_malformed"),
        (of("k_anonymity", k="eleven"), "number_malformed"),
        (of("k_anonymity", k=True), "number_malformed"),
        (of("entropy_l", column="illness", l=0), "number_malformed"),
        (of("recursive_l", column="illness", c=2, l="1.5"), "number_malformed"),
        (of("distinct_l", column="disease", l=2), "column_missing"),
        (of("t_closeness", column="illness", t="0.2", distance="fair"), "distance_unknown"),
        (of("t_closeness", column="illness", t="0.2", distance="ordered"), "order_missing"),
        (
            of("t_closeness", column="illness", t="0.2", distance="ordered", order=["flu"]),
            "order_misfit",
        ),
        (of("t_closeness", column="illness", t="0.2", distance="hierarchical"), "order_missing"),
        (
            of("t_closeness", column="illness", t="1", distance="hierarchical", hierarchy=TREE),
            "tree_misfit",
        ),
        (of("delta_presence", least=0, most=1), "population_missing"),
        (of("risk", attacker="neighbour", most="0.09"), "attacker_unknown"),
    ],
)
def test_what_cannot_be_checked_is_refused_by_name(criterion, code):
    rows = [("20-29", "F", "flu"), ("20-29", "F", "cold")]

    with pytest.raises(ClaimInvalidError) as refused:
        check(rows, criterion)

    assert code == refused.value.code


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"quasi": ()}, "claim_empty"),
        ({"quasi": ("age", "age")}, "claim_roles"),
        ({"quasi": ("age", "illness")}, "claim_roles"),
        ({"quasi": ("age", "height")}, "column_missing"),
        ({"suppression": "2"}, "number_malformed"),
    ],
)
def test_a_claim_that_makes_no_sense_is_refused(other, code):
    with pytest.raises(ClaimInvalidError) as refused:
        check([("20-29", "F", "flu")], **other)

    assert code == refused.value.code


def test_a_hierarchy_that_is_no_tree_is_refused():
    tree = (("0", "a", "*"), ("1", "b", "*"), ("2", "a", "*"))
    tangled = (("0", "a", "x", "*"), ("1", "a", "y", "*"), ("2", "b", "y", "*"))
    rows = [("20-29", "F", n) for n in "012"]
    asked = of("t_closeness", column="illness", t="1", distance="hierarchical", hierarchy=tangled)

    with pytest.raises(ClaimInvalidError, match="no tree"):
        check(rows, asked)
    assert check(rows, asked | {"hierarchy": tree}).holds


def test_a_published_table_without_a_record_is_refused():
    with pytest.raises(PublishedUnreadableError) as refused:
        check([])

    assert "published_empty" == refused.value.code


def test_the_first_fault_is_raised_and_the_others_counted():
    verdict = check([("20-29", "F", "flu")], of("k_anonymity", k=2), received=3)

    assert not verdict.holds
    with pytest.raises(NotBorneOutError, match=r"1 published .* \(1 more\)") as refused:
        require(verdict)
    assert "records_lost" == refused.value.code
