"""Attacks bite on a badly de-identified table and stay within bounds on a proper one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.deid.attacks.model import Companion
from tidegate.deid.attacks.service import run
from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.tables.model import SUPPRESSED
from unit.deid.recoded import categories, numbers, recode, table_of, unchanged

AGE, SEX = numbers("age", 60, 10, 30), categories("sex", "FM")
TOWNS = tuple("abcdefghijklmnopqrstuvwxyz")
ILLS = ("flu", "gout", "cold", "ache")


def people(count=600, seed=5):
    draw = np.random.default_rng(seed)
    return draw.integers(0, 60, count), draw.choice(["F", "M"], count), draw


@pytest.fixture(scope="module")
def table():
    """People whose illness has nothing to do with who they are."""
    ages, sexes, draw = people()
    return table_of([(AGE, ages), (SEX, sexes)], {"illness": draw.choice(ILLS, 600)})


@pytest.fixture(scope="module")
def telling():
    """People whose illness their decade tells."""
    ages, sexes, _ = people()
    return table_of([(AGE, ages), (SEX, sexes)], {"illness": [f"i{age // 10}" for age in ages]})


def named(results):
    return {result.name.partition(":")[0]: result for result in results}


def attack(table, recoding, k=10, **other):
    return named(run(table, recoding, k=k, seed=7, sensitive=("illness",), **other))


def smallest(recoding):
    return np.bincount(recoding.classes[recoding.classes != SUPPRESSED]).min()


def test_linkage_succeeds_on_exact_values_and_stays_within_one_in_k(table):
    proper = recode(table, (1, 0))
    bad, good = attack(table, unchanged(table))["linkage"], attack(table, proper)["linkage"]

    assert bad.low > 0.15
    assert good.low <= 1 / smallest(proper) < bad.low
    assert 1 / 600 == good.baseline
    assert (500, 500) == (bad.tried, good.tried)
    assert good.unprotected > 0.15


def test_records_that_were_suppressed_cannot_be_linked(table):
    recoding = recode(table, (0, 0), k=600)

    assert 0 == attack(table, recoding)["linkage"].succeeded


def test_a_known_value_narrows_the_class_and_more_so_the_rarer_it_is(table):
    proper = attack(table, recode(table, (1, 0)))
    bad = attack(table, unchanged(table))

    assert proper["known value"].rate > proper["linkage"].rate
    classes, values = recode(table, (1, 0)).classes, table.sensitive[0].codes
    counts = [np.bincount(values[classes == number]) for number in range(12)]
    assert proper["known value"].low <= 1 / min(count[count > 0].min() for count in counts)
    assert bad["known value"].low > proper["known value"].high


def test_singling_out_succeeds_on_exact_values_and_never_below_k():
    ages, sexes, draw = people()
    towns = (categories("town", "abcdefghijklm", "nopqrstuvwxyz"), draw.choice(TOWNS, 600))
    table = table_of([(AGE, ages), (SEX, sexes), towns], {"illness": draw.choice(ILLS, 600)})
    bad, good = attack(table, unchanged(table)), attack(table, recode(table, (1, 0, 1), k=5))

    assert bad["singling out"].low > bad["singling out"].baseline + 0.4
    assert 0 == good["singling out"].succeeded
    assert good["singling out"].unprotected == bad["singling out"].rate


def test_a_value_that_only_one_of_a_class_has_singles_out_though_k_holds():
    ages = np.repeat([5, 15], 10)
    table = table_of([(AGE, ages)], {"illness": (["flu"] * 9 + ["gout"]) * 2})
    recoding = recode(table, (1,))

    found = attack(table, recoding)

    assert 0 == found["singling out"].succeeded
    assert 1.0 == found["singling out by value"].rate


def test_inference_succeeds_where_classes_agree_and_not_where_the_illness_is_anybodys(
    table, telling
):
    bad, good = attack(telling, recode(telling, (1, 0))), attack(table, recode(table, (1, 0)))

    assert 1.0 == bad["inference"].rate
    assert bad["inference"].low > bad["inference"].baseline + 0.5
    assert good["inference"].rate < good["inference"].baseline + 0.25
    assert good["inference"].rate < good["inference"].unprotected


def test_inference_gains_no_more_than_t(table):
    recoding = recode(table, (1, 0))
    values = table.sensitive[0].codes
    whole = np.bincount(values) / len(values)
    shares = [np.bincount(values[recoding.classes == n], minlength=4) for n in range(12)]
    t = max(np.abs(count / count.sum() - whole).sum() / 2 for count in shares)

    assert attack(table, recoding)["inference"].low <= whole.max() + t


def test_minimality_tells_more_of_those_who_could_have_stood_alone():
    """A decade all of whom have gout was joined to another only to make the class diverse."""
    ages = np.array([5] * 12 + [15] * 30)
    ills = ["gout"] * 12 + ["gout", "flu", "cold"] * 5 + ["flu", "cold", "ache"] * 5
    table = table_of([(AGE, ages)], {"illness": ills})
    hidden = attack(table, recode(table, (2,)), k=10)["minimality"]
    spread = table_of([(AGE, ages)], {"illness": [ILLS[n % 4] for n in range(42)]})
    nothing = attack(spread, recode(spread, (2,)), k=10)["minimality"]

    assert (12, 1.0) == (hidden.tried, hidden.rate)
    assert hidden.low > hidden.baseline + 0.2
    assert 17 / 42 == pytest.approx(hidden.baseline)
    assert nothing.low <= nothing.baseline


def test_two_good_releases_together_tell_what_neither_does(table):
    ages, sexes, _ = people()
    ills = [f"{age // 10}{age % 10 // 5}" for age in ages]
    here = table_of([(AGE, ages), (SEX, sexes)], {"illness": ills})
    halves = numbers("age", 60, 15, 45)
    there = table_of([(halves, ages), (SEX, sexes)], {"illness": ills})
    crossing = Companion(there, recode(there, (1, 0)), np.arange(600))
    again = Companion(here, recode(here, (1, 0)), np.arange(600))

    bad = attack(here, recode(here, (1, 0)), other=crossing)["composition"]
    same = attack(here, recode(here, (1, 0)), other=again)["composition"]

    assert bad.low > bad.baseline + 0.2
    assert (0, 0.0) == (same.succeeded, same.baseline)


def test_people_who_are_not_in_the_other_release_are_not_tried(table):
    other = Companion(table, unchanged(table), np.full(600, -1))

    result = attack(table, recode(table, (1, 0)), other=other)["composition"]

    assert (0, 0.0, 0.0, 1.0) == (result.tried, result.rate, result.low, result.high)


def test_the_same_seed_gives_the_same_and_another_seed_other_targets(table):
    recoding = recode(table, (1, 0))
    one, again, other = (run(table, recoding, k=10, seed=s, targets=50) for s in (1, 1, 2))

    assert one == again
    assert one != other


@settings(max_examples=30)
@given(seed=st.integers(0, 99), widths=st.sampled_from([(1, 0), (2, 0), (1, 1), (0, 1)]))
def test_no_recoding_of_any_table_links_above_one_in_its_smallest_class(seed, widths):
    ages, sexes, draw = people(120, seed)
    table = table_of([(AGE, ages), (SEX, sexes)], {"illness": draw.choice(ILLS, 120)})
    recoding = recode(table, widths, k=4)
    if not recoding.class_count:
        return

    found = attack(table, recoding, k=4, targets=60)

    assert found["linkage"].low <= 1 / smallest(recoding)
    assert 0 == found["singling out"].succeeded


@pytest.mark.parametrize("other", [{"sensitive": ("height",)}, {"targets": 0}])
def test_nothing_to_attack_is_refused(table, other):
    with pytest.raises(RecipeInvalidError) as refused:
        run(table, unchanged(table), k=2, seed=1, **other)

    assert "attack_nothing" == refused.value.code


def test_a_companion_without_the_column_is_refused(table):
    bare = table_of([(AGE, [1] * 600), (SEX, ["F"] * 600)], {})

    with pytest.raises(RecipeInvalidError, match="no column illness"):
        attack(table, unchanged(table), other=Companion(bare, unchanged(bare), np.arange(600)))
