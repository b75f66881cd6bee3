"""The search for levels against trying every node."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.deid_naive import best_node
from lib.deid_tables import hierarchy, tables
from tidegate.deid.errors import NotAnonymousError, RecipeInvalidError
from tidegate.deid.tables import kernels, lattice
from tidegate.deid.tables.model import (
    Attacker,
    DeltaPresence,
    Distance,
    DistinctL,
    EntropyL,
    KAnonymity,
    Method,
    QuasiColumn,
    Question,
    RecursiveL,
    RiskThreshold,
    SensitiveColumn,
    TableInput,
    TCloseness,
)
from tidegate.deid.tables.picking import Picker

LOOPS = {compiled: kernels.choose(compiled=compiled) for compiled in (False, True)}
both = pytest.mark.parametrize("compiled", [False, True], ids=["numpy", "numba"])

VALUES = (
    DistinctL("s0", 2),
    EntropyL("s0", 1.6),
    RecursiveL("s0", 2.0, 2),
    TCloseness("s0", 0.3),
    TCloseness("s0", 0.2, Distance.ORDERED),
    RiskThreshold(Attacker.PROSECUTOR, 0.34),
    RiskThreshold(Attacker.MARKETER, 0.25),
)


def found(table, criteria, suppression, mean=lattice.Mean.GEOMETRIC, *, compiled=False):
    question = Question(criteria, Method.FULL_DOMAIN, suppression)
    try:
        return lattice.search(table, question, LOOPS[compiled], lambda *_: None, mean)
    except NotAnonymousError:
        return None


def check(answer, best):
    if best is None:
        assert answer is None
    else:
        assert answer.loss == pytest.approx(best[0], abs=1e-9)
        assert answer.node == best[1]
        assert answer.proven


@both
@settings(max_examples=60)
@given(tables(most_columns=4), st.integers(1, 8), st.sampled_from([0.0, 0.05, 0.2, 0.5]))
def test_the_optimum_for_k_is_that_of_trying_every_node(compiled, table, k, suppression):
    best = best_node(table, (KAnonymity(k),), suppression)

    check(found(table, (KAnonymity(k),), suppression, compiled=compiled), best)


@settings(max_examples=40)
@given(tables(), st.integers(1, 6), st.sampled_from([0.0, 0.1, 0.4]))
def test_the_mean_penalty_is_minimised_where_it_is_asked(table, k, suppression):
    best = best_node(table, (KAnonymity(k),), suppression, geometric=False)

    check(found(table, (KAnonymity(k),), suppression, lattice.Mean.ARITHMETIC), best)


@settings(max_examples=80)
@given(
    tables(most_columns=3, most_rows=25, sensitive=1),
    st.lists(st.sampled_from(VALUES), min_size=1, max_size=2, unique=True),
    st.sampled_from([0.0, 0.1, 0.4]),
)
def test_any_criteria_together_give_the_optimum_of_trying_every_node(table, more, suppression):
    criteria = (KAnonymity(2), *more)

    check(found(table, criteria, suppression), best_node(table, criteria, suppression))


@settings(max_examples=40)
@given(
    tables(most_columns=2, most_rows=20),
    st.integers(0, 2**32),
    st.sampled_from([(0.0, 0.5), (0.2, 0.9), (0.4, 1.0)]),
    st.sampled_from([0.0, 0.3]),
)
def test_criteria_on_a_population_count_its_people(table, seed, bounds, suppression):
    rng = np.random.default_rng(seed)
    population = tuple(
        np.concatenate(
            [column.codes, rng.integers(0, len(column.hierarchy.leaves), 15)], dtype=np.int32
        )
        for column in table.quasi
    )
    for one in (
        DeltaPresence(*bounds, population),
        RiskThreshold(Attacker.JOURNALIST, 0.2, population),
    ):
        check(found(table, (one,), suppression), best_node(table, (one,), suppression))


@settings(max_examples=25)
@given(tables(most_columns=2), st.integers(1, 5))
def test_weights_of_columns_move_the_optimum(table, k):
    quasi = tuple(
        QuasiColumn(column.name, column.codes, column.hierarchy, 1.0 + 3 * at)
        for at, column in enumerate(table.quasi)
    )
    weighed = TableInput(quasi)

    check(found(weighed, (KAnonymity(k),), 0.1), best_node(weighed, (KAnonymity(k),), 0.1))


def test_the_classes_are_those_of_the_node_and_who_is_left_out_is_in_none():
    codes = np.array([0, 0, 0, 1, 2, 2, 2], np.int32)
    table = TableInput((QuasiColumn("c", codes, hierarchy("x", (4,))),))

    answer = found(table, (KAnonymity(3),), 0.2)

    assert answer.node == (0,)
    assert answer.classes.tolist() == [0, 0, 0, -1, 1, 1, 1]


def test_a_lattice_beyond_memory_is_refused_with_what_to_do():
    quasi = tuple(
        QuasiColumn(f"c{at}", np.zeros(3, np.int32), hierarchy("x", (2, 2, 2))) for at in range(12)
    )

    with pytest.raises(RecipeInvalidError, match="recode locally"):
        found(TableInput(quasi), (KAnonymity(2),), 0.0)


@settings(max_examples=40)
@given(tables(most_columns=4, most_rows=30), st.integers(0, 2**32))
def test_both_pickers_name_the_same_node(table, seed):
    rng = np.random.default_rng(seed)
    shape = [column.hierarchy.height for column in table.quasi]
    bounds, chance = rng.random(shape), rng.random(shape)
    open_, unknown = rng.random(shape) < 0.7, rng.random(shape) < 0.8
    slow, fast = (Picker(bounds, fast=fast) for fast in (False, True))

    for _ in range(3):
        assert slow.pick(open_, unknown, chance) == fast.pick(open_, unknown, chance)
        open_ = open_ & (rng.random(shape) < 0.5)


def test_a_search_that_ends_early_says_that_nothing_is_proven(monkeypatch):
    monkeypatch.setattr(lattice, "MOST_CHECKS", 0)
    rng = np.random.default_rng(4)
    codes = rng.integers(0, 4, (2, 30)).astype(np.int32)
    quasi = tuple(QuasiColumn(f"c{at}", codes[at], hierarchy("x", (2, 2))) for at in range(2))
    held = SensitiveColumn("s0", rng.integers(0, 2, 30).astype(np.int32), ("a", "b"))
    table = TableInput(quasi, (held,))

    answer = found(table, (KAnonymity(2), TCloseness("s0", 0.2)), 0.1)

    assert answer.node == (2, 2)
    assert not answer.proven
