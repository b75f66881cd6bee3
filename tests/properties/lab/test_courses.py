"""Curves of overlapping groups, held against every table that fits what was published."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tidegate.lab.disclosure import nested
from tidegate.lab.disclosure.courses import course_of
from tidegate.lab.disclosure.differencing import Ledger, check_beside
from tidegate.lab.disclosure.limits import Limits
from tidegate.lab.disclosure.model import FamilyKind, family_of
from tidegate.lab.disclosure.nested import Effort, has_nested_difference
from tidegate.lab.disclosure.network import Arc, unsafe_arcs
from tidegate.lab.disclosure.survival import PER, curve_family, safe_curve
from tidegate.lab.errors import TooCloseError, TooManyToCompareError

LEAST = 3
FINE = Limits(min_cell=LEAST, round_to=1, min_events=LEAST)
LIMITS = Limits()

TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(
        st.lists(st.sampled_from([0, 0, 1, 1, 2, 4]), min_size=width, max_size=width),
        min_size=1,
        max_size=4,
    )
)


def nested_by_trying(shared, least):
    """Try every union of rows against every union of columns."""
    for rows in product([False, True], repeat=shared.shape[0]):
        for columns in product([False, True], repeat=shared.shape[1]):
            inside, outside = np.array(rows), np.array(columns)
            more = int(shared[inside][:, ~outside].sum())
            less = int(shared[~inside][:, outside].sum())
            if 0 in {more, less} and 0 < more + less < least:
                return True
    return False


def fitting(rows, columns, empty):
    """Yield every table of whole numbers with these margins and these empty places."""
    if not rows:
        if not any(columns):
            yield ()
        return
    for line in _lines(rows[0], columns, empty[0]):
        left = tuple(n - k for n, k in zip(columns, line, strict=True))
        for rest in fitting(rows[1:], left, empty[1:]):
            yield (line, *rest)


def _lines(total, columns, empty):
    if not columns:
        if total == 0:
            yield ()
        return
    most = 0 if empty[0] else min(total, columns[0])
    for first in range(most + 1):
        for rest in _lines(total - first, columns[1:], empty[1:]):
            yield (first, *rest)


def narrow_by_trying(shared, least):
    """Tell whether the number of a small shared group has a range narrower than `least`.

    The reader knows both margins and which places are empty.
    """
    rows, columns = shared.sum(axis=1).tolist(), tuple(shared.sum(axis=0).tolist())
    tables = np.array(list(fitting(rows, columns, (shared == 0).tolist())))
    widths = tables.max(axis=0) - tables.min(axis=0)
    return bool(((shared > 0) & (shared < least) & (widths < least)).any())


@settings(max_examples=150, deadline=None)
@given(TABLES, st.integers(2, 6))
def test_the_maximum_flows_find_what_trying_every_union_finds(rows, least):
    shared = np.array(rows)

    assert nested_by_trying(shared, least) == has_nested_difference(shared, least, Effort())


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 3).flatmap(
        lambda width: st.lists(
            st.lists(st.integers(0, 4), min_size=width, max_size=width), min_size=1, max_size=3
        )
    )
)
@example([[1, 3], [3, 0]])
@example([[2, 2, 0], [0, 2, 3], [3, 0, 2]])
def test_a_small_group_can_be_narrowed_exactly_where_a_difference_is_nested(rows):
    shared = np.array(rows)

    narrowed = narrow_by_trying(shared, LEAST)

    assert narrowed == has_nested_difference(shared, LEAST, Effort())


# -- curves


def released(groups, cells, events, people, limits=FINE):
    """Return the safe curves of these groups and the families they tell about."""
    shown, families = [], []
    for members in groups:
        curve, parts = safe_curve(cells[members], events[members], 1, limits)
        shown.append(curve)
        families.append(curve_family(members, parts, people))
    return shown, tuple(families)


PERSON = st.tuples(st.integers(0, 3), st.integers(1, 6), st.booleans())


@settings(max_examples=60, deadline=None)
@given(st.lists(PERSON, min_size=14, max_size=40), st.sampled_from([(0, 1), (0, 1, 2), (3,)]))
def test_no_step_of_a_few_is_computed_from_the_curves_of_overlapping_groups(people, kept):
    """Beside the curve of everybody, those of some groups: each whole, all as one result.

    Whoever knows both, and which steps cannot share anybody, tries every table that fits.
    """
    group, cells, had = (np.array(column) for column in zip(*people, strict=True))
    everyone = np.arange(len(group))
    parts = [m for m in (np.flatnonzero(group == one) for one in kept) if len(m) >= LEAST]
    if not parts:
        return
    _, first = released([everyone], cells, had, len(group))
    _, second = released(parts, cells, had, len(group))
    ledger = Ledger(len(group))
    ledger.add(*first)
    try:
        check_beside(second, ledger, LEAST)
    except TooCloseError:
        return

    whole, some = (course_of(families).codes.astype(int) for families in (first, second))
    shared = np.zeros((whole.max() + 1, some.max() + 1), dtype=np.int64)
    np.add.at(shared, (whole, some), 1)

    assert not nested_by_flows_alone(shared, LEAST)


def nested_by_flows_alone(shared, least):
    """The interval of each small shared group by the network of the table itself, arc by arc."""
    arcs = tuple(
        Arc(r, len(shared) + c, int(n), shown=False) for (r, c), n in np.ndenumerate(shared) if n
    )
    return any(arcs[place].value < least for place in unsafe_arcs(arcs, least))


DAYS = np.repeat(np.arange(1, 9), 20)
GROUP = np.tile([0] * 10 + [1] * 8 + [2] * 2, 8)
"""Eight days with twenty events each: ten, eight and two of three groups; and as many who leave."""


def eight_days():
    cells = np.concatenate([DAYS, np.full(160, 9)])
    events = np.arange(320) < 160
    return np.concatenate([GROUP, GROUP]), cells, events


def whole_and_parts(*parts):
    group, cells, events = eight_days()
    everyone = np.arange(320)
    whole = released([everyone], cells, events, 320, LIMITS)
    members = [np.flatnonzero(np.isin(group, part)) for part in parts]
    return whole, released(members, cells, events, 320, LIMITS)


def test_the_steps_of_a_group_and_of_all_but_a_few_of_it_are_subtracted():
    """The attack: two of every step are of the few, and the shown numbers say so."""
    (whole, _), (rest, _) = whole_and_parts((0, 1))

    few = [
        (step.day, step.events - other.events)
        for step, other in zip(whole[0].steps, rest[0].steps, strict=True)
    ]

    assert all(abs(number - 2) <= 3 for _, number in few)
    assert abs(sum(number for _, number in few) - 16) <= 2


@pytest.mark.parametrize("parts", [((0, 1),), ((0,), (1,))], ids=["one curve", "two curves"])
@pytest.mark.parametrize("order", ["the whole first", "the parts first"])
def test_such_curves_are_refused_beside_each_other(parts, order):
    (_, whole), (_, rest) = whole_and_parts(*parts)
    earlier, new = (whole, rest) if order == "the whole first" else (rest, whole)
    ledger = Ledger(320)
    ledger.add(*earlier)

    with pytest.raises(TooCloseError):
        check_beside(new, ledger, 10)


def test_curves_of_groups_of_which_each_has_enough_at_every_step_may_be_released():
    group, cells, events = eight_days()
    (_, whole) = released([np.arange(320)], cells, events, 320, LIMITS)
    halves = [np.flatnonzero(group == 0), np.flatnonzero(group != 0)]
    ledger = Ledger(320)
    ledger.add(*whole)

    check_beside(released(halves, cells, events, 320, LIMITS)[1], ledger, 10)


def test_a_count_that_cuts_between_the_steps_of_two_curves_is_refused():
    """One curve ends a step on the third day, the other on the fourth, the count on the third."""
    group, cells, events = eight_days()
    members = [np.flatnonzero(group == 0), np.flatnonzero(group == 1)]
    _, curves = released(members, cells, events, 320, LIMITS)
    died = np.flatnonzero(events & (cells <= 3) & (group != 2))
    count = family_of(FamilyKind.CELLS, np.zeros(len(died), dtype=np.int64), 320, died)
    for earlier, new in ((curves, (count,)), ((count,), curves)):
        ledger = Ledger(320)
        ledger.add(*earlier)
        with pytest.raises(TooCloseError):
            check_beside(new, ledger, 10)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=10, max_size=300))
def test_the_shown_survival_follows_from_the_shown_numbers(people):
    """Nothing can be learned by subtracting survival that is not learned from the numbers."""
    cells, events = (np.array(column) for column in zip(*people, strict=True))

    curve, _ = safe_curve(cells, events, 30, LIMITS)

    survivals = [PER, *(step.survival for step in curve.steps)]
    later = [step.at_risk for step in curve.steps[1:]] + [
        step.at_risk - step.events for step in curve.steps[-1:]
    ]
    for step, left, (before, after) in zip(curve.steps, later, pairwise(survivals), strict=True):
        during = step.at_risk - step.events - left
        shares = {1 - min(1, step.events / (step.at_risk - lost / 2)) for lost in {0, during}}
        assert any(abs(after - before * share) <= 2 for share in shares)


def test_what_cannot_be_compared_in_time_is_refused_and_not_passed_over(monkeypatch):
    (_, whole), (_, rest) = whole_and_parts((0, 1))
    ledger = Ledger(320)
    ledger.add(*whole)
    monkeypatch.setattr(nested, "MOST_ARCS", 10)

    with pytest.raises(TooManyToCompareError) as refusal:
        ledger.courses.are_too_close(rest, 10)

    assert "too_many_to_compare" == refusal.value.code
