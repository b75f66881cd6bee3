"""Suppression, rounding and differencing, held against attackers who know the rules."""

from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.lab_twin import kaplan_meier
from tidegate.lab.disclosure.differencing import Ledger, check_beside, is_too_close, shared_people
from tidegate.lab.disclosure.limits import Limits
from tidegate.lab.disclosure.model import (
    FamilyKind,
    family_bytes,
    family_from,
    family_of,
)
from tidegate.lab.disclosure.survival import curve_family, grid_of, safe_curve
from tidegate.lab.disclosure.tables import round_to_sum, safe_table, table_families
from tidegate.lab.disclosure.triples import makes_three, pieces_of
from tidegate.lab.errors import SmallCountError, TooCloseError

LIMITS = Limits()
SMALL = Limits(min_cell=3, round_to=1, min_events=3)


def cells(members, people=300, code=0):
    index = np.array(sorted(members), dtype=np.int64)
    return family_of(FamilyKind.CELLS, np.full(len(index), code), people, index)


def released(*families, people=300):
    ledger = Ledger(people)
    for family in families:
        ledger.add(family)
    return ledger


# -- suppression


def possible_tables(counts, table, drawn):
    """Yield every table of whole numbers that fits what is shown (exact margins: base 1)."""
    height, width = counts.shape
    hidden = [(r, c) for r in range(height) for c in range(width) if not drawn.cells[r, c]]
    most = int(counts.sum())
    for values in product(range(most + 1), repeat=len(hidden)):
        guess = np.where(drawn.cells, counts, 0)
        for (r, c), value in zip(hidden, values, strict=True):
            guess[r, c] = value
        rows = all(t is None or t == n for t, n in zip(table.row_totals, guess.sum(1), strict=True))
        cols = all(
            t is None or t == n for t, n in zip(table.column_totals, guess.sum(0), strict=True)
        )
        if rows and cols and guess.sum() == table.total:
            yield [guess[place] for place in hidden]


@settings(max_examples=12, deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=2), min_size=1, max_size=2))
def test_no_hidden_cell_can_be_narrowed_below_the_minimum(rows):
    counts = np.array(rows)
    try:
        table, drawn = safe_table(counts, SMALL)
    except SmallCountError:
        return

    found = list(possible_tables(counts, table, drawn))

    for values in zip(*found, strict=True):
        assert max(values) - min(values) >= SMALL.min_cell


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 5).flatmap(
        lambda width: st.lists(
            st.lists(st.integers(0, 60), min_size=width, max_size=width), min_size=1, max_size=5
        )
    )
)
def test_a_shown_table_adds_up_and_shows_no_small_or_unrounded_number(rows):
    counts = np.array(rows)
    try:
        table, _ = safe_table(counts, LIMITS)
    except SmallCountError:
        return

    shown = [n for line in (*table.cells, table.row_totals, table.column_totals) for n in line]
    assert all(n is None or (n >= 10 and n % 5 == 0) for n in (*shown, table.total))
    for line, total in zip(table.cells, table.row_totals, strict=True):
        if None not in line:
            assert total in {None, sum(line)}
    if None not in table.row_totals:
        assert table.total == sum(table.row_totals)
    if None not in table.column_totals:
        assert table.total == sum(table.column_totals)


def test_one_small_group_takes_another_with_it():
    table, _ = safe_table(np.array([[3, 40, 90]]), LIMITS)

    assert (None, None, 90) == table.cells[0]


def test_an_empty_group_is_hidden_like_a_small_one():
    table, _ = safe_table(np.array([[0, 40, 90]]), LIMITS)

    assert (None, None, 90) == table.cells[0]


def test_a_tiny_cohort_is_refused_without_its_size():
    with pytest.raises(SmallCountError) as refusal:
        safe_table(np.array([[4, 5]]), LIMITS)

    assert "9" not in refusal.value.message


def test_groups_of_one_are_refused():
    with pytest.raises(SmallCountError):
        safe_table(np.ones((1, 12), dtype=np.int64), Limits(min_cell=13))


@given(st.lists(st.integers(0, 99), min_size=1, max_size=8))
def test_rounded_parts_make_the_rounded_sum(parts):
    total = LIMITS.rounded(sum(parts))

    rounded = round_to_sum(parts, total, 5)

    assert total == sum(rounded)
    assert all(abs(a - b) < 5 for a, b in zip(parts, rounded, strict=True))


# -- differencing


def brute_force_too_close(new, old, least):
    """Try every union of new atoms against every union of old ones."""
    shared = shared_people(new.atoms, old.atoms)
    for left in product([0, 1], repeat=len(new.atoms)):
        for right in product([0, 1], repeat=len(old.atoms)):
            apart = sum(
                int(shared[i, j]) for i, a in enumerate(left) for j, b in enumerate(right) if a != b
            )
            if 0 < apart < least:
                return True
    return False


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 2)), min_size=8, max_size=60),
    st.integers(1, 6),
)
def test_the_minimum_cut_finds_what_trying_every_union_finds(codes, least):
    index = np.arange(len(codes))
    new, old = (
        family_of(FamilyKind.CELLS, np.array([pair[side] for pair in codes]), len(codes), index)
        for side in (0, 1)
    )

    found = is_too_close(shared_people(new.atoms, old.atoms), least)

    assert brute_force_too_close(new, old, least) == found


BASE = range(100)
ATTACKS = {
    "by one person": (cells(BASE), cells([*BASE, 200])),
    "by leaving one out": (cells(BASE), cells(range(1, 100))),
    "by complement": (cells(BASE), cells(range(105, 300))),
    "everyone but one": (cells(BASE), cells(range(299))),
    "by union": (
        family_of(FamilyKind.CELLS, np.repeat([0, 1, 2], 40), 300, np.arange(120)),
        cells(range(83)),
    ),
    "general tracker": (cells(range(153)), cells([*range(3), *range(153, 300)])),
}


@pytest.mark.parametrize(("earlier", "new"), ATTACKS.values(), ids=ATTACKS)
def test_a_difference_of_few_people_is_refused(earlier, new):
    with pytest.raises(TooCloseError) as refusal:
        check_beside([new], released(earlier), 10)

    assert "Change a condition" in refusal.value.message


def test_two_halves_that_leave_one_person_out_of_an_earlier_cohort_are_refused():
    cohort = range(150)
    half, other = cells(range(0, 150, 2)), cells([n for n in range(1, 150, 2) if n != 5])

    with pytest.raises(TooCloseError):
        check_beside([other], released(cells(cohort), half), 10)


def test_two_whole_halves_of_an_earlier_cohort_may_be_released():
    half, other = cells(range(0, 150, 2)), cells(range(1, 150, 2))

    check_beside([other], released(cells(range(150)), half), 10)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(*[st.booleans()] * 3), min_size=12, max_size=60),
    st.integers(1, 6),
)
def test_three_sets_are_held_against_each_other_in_every_sum_and_difference(people, least):
    sets = np.array(people, dtype=np.bool_).T
    families = [cells(np.flatnonzero(one), len(people)) for one in sets]
    earlier = np.concatenate([family.atoms for family in families[:2]])

    shared = shared_people(families[2].atoms, earlier)
    found = makes_three(families[2], shared, pieces_of(earlier, len(people)), least)

    first, second, new = sets
    different = {one.tobytes(): one for old in (first, second) for one in (old, ~old)}
    pairs = combinations(different.values(), 2)
    apart = [int((a.astype(int) + b - x != 0).sum()) for a, b in pairs for x in (new, ~new)]
    assert any(0 < few < least for few in apart) == found


def test_the_same_query_may_be_released_again():
    check_beside([cells(BASE)], released(cells(BASE)), 10)


def test_a_difference_of_ten_people_is_let_through():
    check_beside([cells(range(110))], released(cells(BASE)), 10)


def test_a_total_differing_from_an_earlier_table_by_its_hidden_group_is_refused():
    index = np.arange(120)
    columns = np.array([0] * 4 + [1] * 50 + [2] * 66)
    rows = np.zeros_like(columns)
    _, drawn = safe_table(np.bincount(columns)[None, :], LIMITS)
    table = table_families(index, rows, columns, drawn, 300)

    with pytest.raises(TooCloseError):
        check_beside([cells(range(4, 120))], released(*table), 10)


def steps_of(days, every=1, people=300):
    """Return the steps of a curve in which everybody has the event on their day."""
    index = np.arange(len(days))
    cut = grid_of(np.array(days, dtype=float), every)
    _, codes = safe_curve(cut, np.ones(len(days), dtype=bool), every, LIMITS)
    return curve_family(index, codes, people)


DAYS = np.repeat(np.arange(1, 13), 12)
"""Twelve people on each of twelve days."""


@pytest.mark.parametrize("order", ["the curve first", "the count first"])
@pytest.mark.parametrize("day", [3, 7])
def test_a_count_that_leaves_one_person_out_of_the_steps_of_a_curve_is_refused(order, day):
    """A curve over any number is its distribution: who is in the count is read off beside it."""
    curve, count = steps_of(DAYS), cells(np.flatnonzero(DAYS <= day)[1:])
    earlier, new = (curve, count) if order == "the curve first" else (count, curve)

    with pytest.raises(TooCloseError):
        check_beside([new], released(earlier), 10)


@pytest.mark.parametrize("day", [3, 7])
def test_a_count_of_whole_steps_may_stand_beside_the_curve(day):
    check_beside([cells(np.flatnonzero(DAYS <= day))], released(steps_of(DAYS)), 10)


def test_a_step_smaller_than_the_asked_minimum_is_refused():
    with pytest.raises(TooCloseError):
        check_beside([steps_of(DAYS)], released(), 20)


def test_a_family_survives_being_written():
    family = cells(BASE)

    again = family_from(family_bytes(family))

    assert np.array_equal(family.atoms, again.atoms)
    assert [100, 200] == again.sizes()


# -- survival


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=1, max_size=40))
def test_with_limits_of_one_the_curve_is_the_textbook_estimator(people):
    days = np.array([float(day) for day, _ in people])
    events = np.array([event for _, event in people])

    curve, _ = safe_curve(grid_of(days, 1), events, 1, Limits(1, 1, 1))

    expected = kaplan_meier(days.tolist(), events.tolist())
    assert [(d, n, k) for d, n, k, _ in expected] == [
        (s.day, s.at_risk, s.events) for s in curve.steps
    ]
    assert all(
        abs(round(s * 10_000) - step.survival) <= 1
        for (*_, s), step in zip(expected, curve.steps, strict=True)
    )


def test_the_estimator_gives_the_known_values_of_freireich():
    """6-MP arm of E.J. Freireich et al., Blood 21, 1963: S(6)=0.857, S(10)=0.753, S(23)=0.448."""
    days = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    lost = {3: 1, 5: 1, 7: 1, 8: 1, 11: 1, 12: 1, 13: 1, 16: 1, 17: 1, 18: 1, 19: 1, 20: 1}
    events = np.array([n not in lost for n in range(21)])

    curve, _ = safe_curve(grid_of(np.array(days, dtype=float), 1), events, 1, Limits(1, 1, 1))

    at = {step.day: step.survival for step in curve.steps}
    assert {6: 8571, 7: 8067, 10: 7529, 13: 6902, 16: 6275, 22: 5378, 23: 4482} == at
    assert Fraction(at[6], 10_000) == pytest.approx(Fraction(6, 7), abs=1e-4)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-5, 900), st.booleans()), min_size=10, max_size=300),
    st.sampled_from([7, 30]),
)
def test_no_step_and_no_part_of_a_curve_is_small(people, every):
    days = np.array([float(day) for day, _ in people])
    events = np.array([event for _, event in people])
    grid = grid_of(days, every)
    kept = np.flatnonzero(grid >= 0)
    if len(kept) < 10:
        return

    curve, codes = safe_curve(grid[kept], events[kept], every, LIMITS)

    sizes = np.bincount(codes)
    assert all(size == 0 or size >= 10 for size in sizes)
    for place, step in enumerate(curve.steps):
        assert step.events >= 10
        assert step.at_risk % 5 == 0
        assert events[kept][codes == 2 * place].all()


def test_a_merged_curve_stays_near_the_exact_one():
    draw = np.random.default_rng(3)
    days = draw.uniform(1, 3000, 4000)
    events = draw.random(4000) < 0.3

    curve, _ = safe_curve(grid_of(days, 30), events, 30, LIMITS)

    exact = {day: s for day, *_, s in kaplan_meier(np.ceil(days / 30).tolist(), events.tolist())}
    for step in curve.steps:
        near = 0.01 if step.at_risk >= 500 else 0.03
        assert abs(exact[step.day / 30] - step.survival / 10_000) < near


@pytest.mark.parametrize("days", [[100] * 25, [100] * 14 + [200] * 12])
def test_a_curve_does_not_say_that_everybody_of_a_group_had_the_event(days):
    """A table hides an empty group like a small one; a curve that ends at nought says the same."""
    grid = grid_of(np.array(days, dtype=float), 30)

    curve, codes = safe_curve(grid, np.ones(len(days), dtype=bool), 30, LIMITS)

    assert all(step.survival > 0 for step in curve.steps)
    assert (codes == 2 * len(curve.steps)).sum() >= 10


def test_a_curve_with_single_events_has_no_steps():
    days, events = np.full(50, 100.0), np.zeros(50, dtype=bool)
    events[:3] = True

    curve, codes = safe_curve(grid_of(days, 30), events, 30, LIMITS)

    assert () == curve.steps
    assert 1 == len(set(codes.tolist()))
