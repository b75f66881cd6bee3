"""The walk: what it publishes is safe, and depends on counts alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.deid_tables import hierarchy, tables
from tidegate.deid.tables import engine, kernels, peeling
from tidegate.deid.tables.encoding import pack
from tidegate.deid.tables.model import (
    SUPPRESSED,
    DistinctL,
    EntropyL,
    KAnonymity,
    Method,
    QuasiColumn,
    Question,
    SensitiveColumn,
    TableInput,
    TCloseness,
)
from tidegate.deid.tables.safety import Safety

LOOPS = kernels.choose()
PLAIN = kernels.choose(compiled=False)


def silent(_share, _words):
    """Tell nobody."""


def partition(classes):
    """The sets of records that stand together; who is left out is one of them."""
    return {
        (bool(number == SUPPRESSED), frozenset(np.flatnonzero(classes == number).tolist()))
        for number in set(classes.tolist())
    }


def reordered(table, order):
    return TableInput(
        tuple(QuasiColumn(one.name, one.codes[order], one.hierarchy) for one in table.quasi),
        tuple(SensitiveColumn(one.name, one.codes[order], one.values) for one in table.sensitive),
    )


def regional(rows, seed=5):
    """A table of a few thousand records, thick in some places and thin in others."""
    rng = np.random.default_rng(seed)
    shapes = [hierarchy("a", (4, 5)), hierarchy("b", (3, 4, 3)), hierarchy("c", (2,))]
    quasi = tuple(
        QuasiColumn(
            shape.name,
            np.minimum(
                rng.geometric(min(6 / len(shape.leaves), 0.6), rows) - 1, len(shape.leaves) - 1
            ).astype(np.int32),
            shape,
        )
        for shape in shapes
    )
    values = tuple(f"d{number:02}" for number in range(12))
    codes = np.minimum(rng.geometric(0.2, rows) - 1, 11).astype(np.int32)
    return TableInput(quasi, (SensitiveColumn("s0", codes, values),))


@settings(max_examples=30)
@given(tables(most_rows=60, sensitive=1), st.integers(1, 6), st.booleans())
def test_all_classes_but_one_of_leftovers_are_large_enough(table, k, diverse):
    criteria = (KAnonymity(k), DistinctL("s0", 2)) if diverse else (KAnonymity(k),)

    classes = peeling.peel(table, Question(criteria), LOOPS, silent)

    small = 0
    for number in range(int(classes.max()) + 1):
        mine = classes == number
        values = len(set(table.sensitive[0].codes[mine].tolist()))
        assert mine.any()
        small += mine.sum() < k or (diverse and values < 2)
    assert small <= 1
    assert (classes != SUPPRESSED).all()


@settings(max_examples=20)
@given(tables(most_rows=60, sensitive=1), st.integers(1, 5), st.sampled_from([0.0, 0.2, 0.9]))
def test_both_twins_find_the_same_classes(table, k, share):
    question = Question((KAnonymity(k), EntropyL("s0", 1.5)), suppression=share)

    assert np.array_equal(
        peeling.peel(table, question, LOOPS, silent), peeling.peel(table, question, PLAIN, silent)
    )


@settings(max_examples=20)
@given(tables(most_rows=60, sensitive=1), st.integers(1, 5), st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(table, k, random):
    order = list(range(table.rows))
    random.shuffle(order)
    question = Question((KAnonymity(k), TCloseness("s0", 0.5)))

    straight = peeling.peel(table, question, LOOPS, silent)
    mixed = np.empty_like(straight)
    mixed[order] = peeling.peel(reordered(table, order), question, LOOPS, silent)

    assert partition(straight) == partition(mixed)


@settings(max_examples=20)
@given(tables(most_rows=60), st.integers(2, 9), st.sampled_from([0.0, 0.1, 0.5]))
def test_no_more_is_left_out_than_may_be(table, k, share):
    classes = peeling.peel(table, Question((KAnonymity(k),), suppression=share), LOOPS, silent)

    assert (classes == SUPPRESSED).sum() <= share * table.rows


def test_estimates_and_twins_agree_on_a_table_that_is_looked_at_in_part(monkeypatch):
    monkeypatch.setattr(peeling, "_LOOKED_AT", 64)
    table = regional(3000)
    question = Question((KAnonymity(5), DistinctL("s0", 3)))

    classes = peeling.peel(table, question, LOOPS, silent)

    assert np.array_equal(classes, peeling.peel(table, question, PLAIN, silent))
    sizes = np.bincount(classes)
    assert np.sort(sizes)[1] >= 5
    assert len(sizes) > 3000 / 5 / 3


def test_t_is_judged_against_the_whole_table_and_not_what_is_left():
    table = regional(2000)
    question = Question((KAnonymity(5), TCloseness("s0", 0.25)))
    packed = pack(table, LOOPS, ("s0",))
    safety = Safety(table, question, packed, LOOPS)
    entries = np.flatnonzero(table.sensitive[0].codes[packed.first] == 0).astype(np.int32)

    safe = safety.judge(np.zeros(len(entries), np.int32), 1, entries)

    whole = np.bincount(table.sensitive[0].codes, minlength=12) / table.rows
    assert 1 - whole[0] > 0.25
    assert not safe[0]


def test_progress_grows():
    told = []

    peeling.peel(
        regional(2000), Question((KAnonymity(5),)), LOOPS, lambda share, _words: told.append(share)
    )

    assert told == sorted(told)
    assert 0 <= told[0] <= told[-1] <= 1


@pytest.mark.parametrize("k", [1, 3, 50])
def test_columns_that_say_nothing_cost_nothing(k):
    table = regional(200)
    blank = QuasiColumn("blank", np.zeros(200, np.int32), hierarchy("blank", (1,)))
    missing = QuasiColumn("gone", np.zeros(200, np.int32), hierarchy("gone", (3,)))
    more = TableInput((blank, *table.quasi, missing))

    alone = peeling.peel(TableInput(table.quasi), Question((KAnonymity(k),)), LOOPS, silent)
    beside = peeling.peel(more, Question((KAnonymity(k),)), LOOPS, silent)

    assert partition(alone) == partition(beside)


def test_many_columns_lose_no_more_than_plain_cuts():
    rng = np.random.default_rng(11)
    quasi = tuple(
        QuasiColumn(f"c{at}", rng.integers(0, 6, 400).astype(np.int32), hierarchy(f"c{at}", (2, 3)))
        for at in range(16)
    )
    table = TableInput(quasi)

    def loss(method):
        answer = engine.anonymise(table, Question((KAnonymity(5),), method))
        return answer.losses[:, answer.classes].mean()

    assert loss(Method.LOCAL) <= loss(Method.PREVIEW) + 1e-12
