"""How far loss, models and curves move: not at all for an unchanged table."""

import numpy as np
import pytest

from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.utility.model import CoefficientMove, Estimate, Regression, Survival
from tidegate.deid.utility.service import measure
from unit.deid.recoded import categories, numbers, recode, table_of, unchanged

AGE, SEX = numbers("age", 40, 5, 10), categories("sex", "FM", "X")


@pytest.fixture(scope="module")
def table():
    draw = np.random.default_rng(11)
    ages, sexes = draw.integers(0, 40, 400), draw.choice(["F", "M"], 400)
    sick = draw.random(400) < 1 / (1 + np.exp(2 - 0.1 * ages))
    days = np.ceil(draw.exponential(60 - ages)).astype(int)
    weight = 40 + ages / 2 + 5 * (sexes == "M") + draw.normal(0, 2, 400)
    dead = draw.choice(["dead", "lost"], 400)
    return table_of(
        [(AGE, ages), (SEX, sexes)],
        {"sick": sick.astype(int), "days": days, "status": dead, "weight": weight.round(1)},
    )


REGRESSIONS = (Regression("weight", ("age", "sex")), Regression("sick", ("age", "sex"), "1"))
SURVIVALS = (Survival("days", "status", "dead"), Survival("days", "status", "dead", "sex"))


def test_an_unchanged_table_lost_nothing_and_moved_nothing(table):
    utility = measure(table, unchanged(table), REGRESSIONS, SURVIVALS)

    assert (0.0, 0) == (utility.loss.ncp, utility.loss.suppressed)
    for column in utility.loss.columns:
        assert (0.0, 0.0, 0.0) == (column.ncp, column.entropy, column.changed)
    moves = [move for one in utility.regressions for move in one.coefficients]
    assert ["age", "sex=M", "age", "sex=M"] == [move.name.replace("=F", "=M") for move in moves]
    assert all(move.moved == 0 and move.overlap == 1 for move in moves)
    curves = [curve for one in utility.survivals for curve in one.curves]
    assert all(curve.greatest == 0 for curve in curves)
    assert ["", "F", "M"] == [curve.stratum for curve in curves]


def test_coarser_ages_move_the_models_a_little_and_more_if_coarser(table):
    fine, coarse = (
        measure(table, recode(table, levels), REGRESSIONS) for levels in ((1, 0), (2, 0))
    )

    small, large = (u.regressions[0].coefficients[0] for u in (fine, coarse))
    assert 0 < small.moved < large.moved < 0.2
    assert 1 > small.overlap > large.overlap > 0
    assert fine.loss.columns[0].error < coarse.loss.columns[0].error
    assert None is fine.loss.columns[1].error


def test_a_column_published_as_a_star_has_no_effect_left(table):
    utility = measure(table, recode(table, (3, 0)), REGRESSIONS)

    assert [1, 1] == [one.merged for one in utility.regressions]
    for one in utility.regressions:
        age = one.coefficients[0]
        assert age.before.low > 0
        assert (0.0, 0) == (pytest.approx(age.after.value, abs=1e-9), age.overlap)


def test_a_model_the_original_does_not_determine_says_so(table):
    twice = Regression("weight", ("age", "age"))

    move = measure(table, unchanged(table), (twice,)).regressions[0]

    assert () == move.coefficients
    assert "do not determine" in move.trouble


def test_curves_by_a_column_that_is_lost_become_one_curve(table):
    whole, apart = measure(table, recode(table, (0, 2)), (), SURVIVALS).survivals

    assert 0 == whole.curves[0].greatest
    assert all(curve.greatest > 0 for curve in apart.curves[:2])
    assert 1 == len({curve.median_after for curve in apart.curves})


def test_loss_is_what_the_definitions_say():
    """Ages 0, 1, 2, 3 in bands of two of four, and one record suppressed."""
    small = table_of([(numbers("age", 4, 2), [0, 1, 1, 0, 3])], {})
    loss = measure(small, recode(small, (1,), k=2)).loss
    age = loss.columns[0]

    assert (4**2 + 1 * 5, 1) == (loss.discernibility, loss.suppressed)
    assert (4 / 3 * 1 + 1) / 5 == pytest.approx(age.ncp) == pytest.approx(loss.ncp)
    assert 1.0 == age.changed
    bits = 4 * np.log2(5 / 2) + np.log2(5)
    assert (4 * np.log2(4 / 2) + np.log2(5)) / bits == pytest.approx(age.entropy)
    assert 0.5 / 3 == pytest.approx(age.error)


def test_intervals_that_do_not_meet_do_not_overlap():
    apart = CoefficientMove("age", Estimate(1, 0, 2), Estimate(5, 4, 6))
    half = CoefficientMove("age", Estimate(1, 0, 2), Estimate(2, 1, 3))

    assert (0.0, 4, 0.5) == (apart.overlap, apart.moved, half.overlap)


@pytest.mark.parametrize(
    ("regressions", "survivals", "code"),
    [
        ((Regression("height", ("age",)),), (), "measure_column"),
        ((Regression("status", ("age",)),), (), "measure_outcome"),
        ((Regression("status", ("age",), "risen"),), (), "measure_event"),
        ((), (Survival("days", "status", "dead", "age"),), "measure_strata"),
    ],
)
def test_a_measure_that_makes_no_sense_is_refused(table, regressions, survivals, code):
    with pytest.raises(RecipeInvalidError) as refused:
        measure(table, unchanged(table), regressions, survivals)

    assert code == refused.value.code
