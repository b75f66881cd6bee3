"""Generalisation reaches k, against a naive twin that tries everything."""

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.deid.anonymise import Search, encode
from tidegate.deid.errors import NotAnonymousError
from tidegate.deid.ladder import build_ladder
from tidegate.deid.model import Action, ColumnRule

AGE = ColumnRule("t", "age", Action.GENERALISE)
SEX = ColumnRule("t", "sex", Action.GENERALISE)
DISTRICT = ColumnRule(
    "t",
    "district",
    Action.GENERALISE,
    groups=((("sha", "east"), ("tai", "east"), ("tun", "west")),),
)

people = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 30).map(str)),
        st.sampled_from("FM"),
        st.sampled_from(["sha", "tai", "tun", "far"]),
    ),
    min_size=1,
    max_size=40,
)


def encoded(rows, k):
    kinds = ((AGE, "integer"), (SEX, "string"), (DISTRICT, "string"))
    columns = []
    for place, (rule, kind) in enumerate(kinds):
        values = [row[place] for row in rows]
        columns.append(encode(values, build_ladder(rule, kind, Counter(values), k)))
    return tuple(columns)


def naive_left_over(columns, levels, rows, k):
    keys = [
        tuple(
            column.ladder[level].mapping[value]
            for column, level, value in zip(columns, levels, row, strict=True)
        )
        for row in rows
    ]
    sizes = Counter(keys)
    return {n for n, key in enumerate(keys) if sizes[key] < k}


@settings(max_examples=80, deadline=None)
@given(rows=people, k=st.integers(2, 5), per_cent=st.sampled_from([0, 10, 50]))
def test_the_answer_is_anonymous_within_its_suppression_and_no_step_too_coarse(rows, k, per_cent):
    columns, allowed = encoded(rows, k), len(rows) * per_cent // 100
    everything = itertools.product(*(range(len(c.ladder)) for c in columns))
    feasible = {x for x in everything if len(naive_left_over(columns, x, rows, k)) <= allowed}
    if not feasible:
        with pytest.raises(NotAnonymousError):
            Search(columns, k, allowed).run()
        return

    answer = Search(columns, k, allowed).run()

    assert answer.levels in feasible
    assert naive_left_over(columns, answer.levels, rows, k) == answer.suppressed
    for n, level in enumerate(answer.levels):
        lower = (*answer.levels[:n], level - 1, *answer.levels[n + 1 :])
        assert lower not in feasible


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(-50, 150), min_size=1, max_size=60), st.integers(2, 6))
def test_every_level_of_a_number_is_coarser_and_its_ends_are_shared(numbers, k):
    values = [str(n) for n in numbers]
    ladder = build_ladder(AGE, "integer", Counter(values), k)

    for step in ladder[:-1]:
        sizes = Counter(step.mapping[v] for v in values)
        bands = sorted(sizes, key=lambda band: float(band))
        if len(set(values)) > 5 and len(values) >= k:
            assert min(sizes[bands[0]], sizes[bands[-1]]) >= min(k, len(values))
    assert {None} == set(ladder[-1].mapping.values())


def test_a_band_begins_at_its_lower_bound_and_its_ends_are_closed():
    rule = ColumnRule("t", "age", Action.GENERALISE, widths=("10",))
    values = [str(n) for n in range(18, 96)]
    mapping = build_ladder(rule, "integer", Counter(values), 10)[1].mapping

    assert ("60", "60", "70") == (mapping["60"], mapping["69"], mapping["70"])
    assert ("20", "80") == (mapping["18"], mapping["95"])


def test_dates_climb_from_months_to_decades():
    rule = ColumnRule("t", "birth", Action.GENERALISE)
    values = [f"19{n:02d}-05-17" for n in range(40, 80)]
    ladder = build_ladder(rule, "date", Counter(values), 2)

    assert "1950-01-01" == ladder[3].mapping["1956-05-17"]
    assert None is ladder[-1].mapping["1956-05-17"]


def test_a_category_nobody_grouped_becomes_empty():
    mapping = build_ladder(DISTRICT, "string", Counter(["sha", "far"]), 2)[1].mapping

    assert ("east", None) == (mapping["sha"], mapping["far"])
