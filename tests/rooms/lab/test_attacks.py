"""Attackers at the provider's door: what several released results tell together."""

from bisect import bisect_left

import pytest

from lib.lab_world import Provider
from tidegate.lab.model import RunState
from tidegate.lab.query import model as q

pytestmark = pytest.mark.slow

SICK = q.EventWhen(q.Has("person", q.Compare("status", q.Comparison.EQ, 1)))
TIME = q.ColumnOf("person", "futime")
EVERY = 720


@pytest.fixture
def local(tmp_path):
    made = Provider(tmp_path)
    made.assessor.cross_border = False
    yield made
    made.open.forget("ver_one", "the test is over")
    made.ground.close()


def young(provider, least=50, most=90):
    """Return an age below which few people are, but ten or more with and without the event."""
    ages = sorted(row["age"] for row in provider.tables["ver_one"]["person"])
    return next(age for age in range(20, 60) if least <= bisect_left(ages, age) < most)


def curve(cohort=None, bands=(), every=EVERY):
    by = q.Grouping(q.ColumnOf("person", "age"), bands) if bands else None
    return q.KaplanMeier(cohort or q.Everyone(), TIME, SICK, by, every)


def at_least(age):
    return q.Has("person", q.Compare("age", q.Comparison.GE, age))


def events_by_day(curves):
    """Return, for each day on which steps of all curves end, how many events there were."""
    sums = []
    for one in curves:
        total, days = 0, {}
        for step in one.steps:
            total += step.events
            days[step.day] = total
        sums.append(days)
    return {day: sum(one[day] for one in sums) for day in set.intersection(*map(set, sums))}


def narrowed(provider, whole, parts, age):
    """Subtract: which numbers of events among the young are bounded more tightly than by ten.

    A running sum is rounded to five, so it is at most two away from the truth.
    """
    everybody, rest = events_by_day(whole.curves), events_by_day(parts)
    blur = 2 * (1 + len(parts))
    people = provider.tables["ver_one"]["person"]
    for day in everybody.keys() & rest.keys():
        low = max(0, everybody[day] - rest[day] - blur)
        high = everybody[day] - rest[day] + blur
        true = sum(row["age"] < age and row["status"] and row["futime"] <= day for row in people)
        assert low <= true <= high
        if true < 10 and high - low < 10:
            yield day, low, high


def test_the_curve_of_a_group_less_a_few_tells_nothing_about_the_few_step_by_step(local):
    age = young(local)
    local.ask(curve())
    whole = local.released()
    answer = local.ask(curve(at_least(age)))

    if answer.state is RunState.RELEASED:
        assert [] == list(narrowed(local, whole, local.released().curves, age))
    assert (RunState.REFUSED, "too_close_to_earlier_release") == (answer.state, answer.code)


@pytest.mark.parametrize("order", ["the whole first", "the groups first"])
def test_the_curves_of_all_groups_but_a_small_one_tell_nothing_about_it(local, order):
    age = young(local)
    cohorts = [curve(), curve(at_least(age), bands=(50,))]
    for query in cohorts if order == "the whole first" else reversed(cohorts):
        answer = local.ask(query)

    assert (RunState.REFUSED, "too_close_to_earlier_release") == (answer.state, answer.code)


def test_the_curve_of_a_large_part_of_a_group_may_stand_beside_the_groups(local):
    local.ask(curve(every=1440))

    answer = local.ask(curve(at_least(50), every=1440))

    assert RunState.RELEASED == answer.state


def test_the_same_curve_may_be_asked_again(local):
    local.ask(curve(bands=(50,)))

    assert RunState.RELEASED == local.ask(curve(bands=(50,))).state
