"""What the engine publishes: every criterion holds by a naive count of the published labels."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.deid_naive import class_holds
from lib.deid_tables import hierarchy, tables
from tidegate.deid.errors import NotAnonymousError, RecipeInvalidError
from tidegate.deid.tables import engine
from tidegate.deid.tables.model import (
    ANY,
    Attacker,
    DeltaPresence,
    Distance,
    DistinctL,
    EntropyL,
    Hierarchy,
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

VALUES = (
    KAnonymity(4),
    DistinctL("s0", 2),
    EntropyL("s0", 1.6),
    RecursiveL("s0", 2.0, 2),
    TCloseness("s0", 0.3),
    TCloseness("s0", 0.2, Distance.ORDERED),
    TCloseness("s0", 0.3, Distance.HIERARCHICAL),
    RiskThreshold(Attacker.PROSECUTOR, 0.34),
    RiskThreshold(Attacker.JOURNALIST, 0.34),
    RiskThreshold(Attacker.MARKETER, 0.25),
)
WIDE = Hierarchy("s", (tuple("abcd"), ("x", "x", "y", "y"), (ANY,) * 4))


def members(answer):
    """The records behind each row of labels, as somebody sees who has the published file."""
    found = defaultdict(list)
    for record, own in enumerate(answer.classes.tolist()):
        if own >= 0:
            found[tuple(column[own] for column in answer.labels)].append(record)
    return found


def covered(column, label):
    """The leaves that a published label stands for."""
    for row in column.hierarchy.labels:
        if label in row:
            return {at for at, text in enumerate(row) if text == label}
    low, high = label.rsplit("-", 1)
    leaves = column.hierarchy.leaves
    return set(range(leaves.index(low), leaves.index(high) + 1))


def ask(table, question, **how):
    try:
        return engine.anonymise(table, question, **how)
    except NotAnonymousError:
        return None


@settings(max_examples=150)
@given(
    tables(most_columns=3, most_rows=40, sensitive=1),
    st.lists(st.sampled_from(VALUES), min_size=1, max_size=3, unique=True),
    st.sampled_from(list(Method)),
    st.sampled_from([0.0, 0.1, 0.3]),
    st.booleans(),
)
def test_every_criterion_holds_on_what_is_published(table, criteria, method, share, tree):
    if tree:
        column = table.sensitive[0]
        wide = SensitiveColumn(column.name, column.codes, column.values, WIDE)
        table = TableInput(table.quasi, (wide,))
    else:
        criteria = [
            one for one in criteria if getattr(one, "distance", None) is not Distance.HIERARCHICAL
        ] or [KAnonymity(2)]

    answer = ask(table, Question(tuple(criteria), method, share))

    if answer is None:
        return
    published = members(answer)
    kept = [record for one in published.values() for record in one]
    assert len(published) == answer.class_count
    assert table.rows - len(kept) <= share * table.rows
    for own in published.values():
        assert all(class_holds(table, one, own, kept) for one in criteria)
    if any(getattr(one, "attacker", None) is Attacker.MARKETER for one in criteria):
        assert len(published) / len(kept) <= 0.25


@settings(max_examples=60)
@given(tables(most_rows=40), st.integers(1, 6), st.sampled_from(list(Method)))
def test_labels_cover_their_members_and_penalties_are_their_widths(table, k, method):
    answer = ask(table, Question((KAnonymity(k),), method))

    if answer is None:
        assert table.rows < k
        return
    for at, column in enumerate(table.quasi):
        leaves = len(column.hierarchy.leaves)
        for number, label in enumerate(answer.labels[at]):
            mine = {int(column.codes[one]) for one in np.flatnonzero(answer.classes == number)}
            inside = covered(column, label)
            assert mine <= inside
            assert answer.losses[at, number] == pytest.approx(
                (len(inside) - 1) / max(leaves - 1, 1)
            )


@settings(max_examples=40)
@given(
    tables(most_rows=30, sensitive=1),
    st.lists(st.sampled_from(VALUES[:6]), min_size=1, max_size=2, unique=True),
    st.sampled_from(list(Method)),
)
def test_loops_change_the_time_and_never_the_answer(table, criteria, method):
    question = Question(tuple(criteria), method, 0.1)

    plain, fast = (ask(table, question, compiled=compiled) for compiled in (False, True))

    assert (plain is None) == (fast is None)
    if plain is not None:
        assert plain.classes.tolist() == fast.classes.tolist()
        assert (plain.labels, plain.levels) == (fast.labels, fast.levels)
        assert plain.losses.tobytes() == fast.losses.tobytes()


@settings(max_examples=40)
@given(tables(most_columns=2, most_rows=25), st.integers(0, 2**32), st.sampled_from(list(Method)))
def test_a_population_is_counted_by_what_labels_cover(table, seed, method):
    rng = np.random.default_rng(seed)
    population = tuple(
        np.concatenate(
            [column.codes, rng.integers(0, len(column.hierarchy.leaves), 20)], dtype=np.int32
        )
        for column in table.quasi
    )
    criteria = (
        DeltaPresence(0.0, 0.8, population),
        RiskThreshold(Attacker.JOURNALIST, 0.2, population),
    )

    answer = ask(table, Question(criteria, method))

    if answer is None:
        return
    sizes = Counter(answer.classes.tolist())
    for number in range(answer.class_count):
        inside = [
            covered(column, labels[number])
            for column, labels in zip(table.quasi, answer.labels, strict=True)
        ]
        count = sum(
            all(int(codes[person]) in own for codes, own in zip(population, inside, strict=True))
            for person in range(len(population[0]))
        )
        assert count >= 5
        assert sizes[number] / count <= 0.8 + 1e-9


def test_intervals_of_an_ordered_column_leave_missing_values_apart():
    leaves = ("", "10", "11", "12", "13")
    shape = Hierarchy("age", (leaves, ("", "10+", "10+", "10+", "10+"), (ANY,) * 5), ordered=True)
    codes = np.array([0, 0, 1, 2, 3, 4], np.int32)

    answer = engine.anonymise(
        TableInput((QuasiColumn("age", codes, shape),)), Question((KAnonymity(2),), Method.PREVIEW)
    )

    assert [answer.labels[0][own] for own in answer.classes] == [
        "",
        "",
        *["10-11"] * 2,
        *["12-13"] * 2,
    ]


def test_what_no_table_could_hold_is_refused_with_what_to_do():
    table = TableInput((QuasiColumn("c", np.zeros(3, np.int32), hierarchy("x", (2,))),))

    with pytest.raises(NotAnonymousError, match="ask for k = 3 at most"):
        engine.anonymise(table, Question((KAnonymity(4),)))


@pytest.mark.parametrize(
    ("table", "question", "code"),
    [
        (TableInput(()), Question((KAnonymity(2),)), "table_empty"),
        (None, Question(()), "question_malformed"),
        (None, Question((KAnonymity(2),), suppression=1.0), "question_malformed"),
        (None, Question((DistinctL("nobody", 2),)), "criterion_column"),
        (None, Question((DeltaPresence(0, 1),)), "population_missing"),
        (None, Question((RiskThreshold(Attacker.JOURNALIST, 1, ((), ())),)), "population_misfit"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(table, question, code):
    plain = TableInput((QuasiColumn("c", np.zeros(3, np.int32), hierarchy("x", (2,))),))

    with pytest.raises(RecipeInvalidError) as refused:
        engine.anonymise(table or plain, question)

    assert refused.value.code == code


def test_codes_outside_the_hierarchy_are_refused():
    table = TableInput((QuasiColumn("c", np.full(3, 2, np.int32), hierarchy("x", (2,))),))

    with pytest.raises(RecipeInvalidError, match="extend the hierarchy"):
        engine.anonymise(table, Question((KAnonymity(2),)))


def test_a_hierarchy_that_would_publish_untrue_labels_is_refused():
    levels = (("a", "b", "c"), ("x", "y", "x"), ("*", "*", "*"))
    table = TableInput((QuasiColumn("c", np.zeros(3, np.int32), Hierarchy("ward", levels)),))

    with pytest.raises(RecipeInvalidError, match="ward do not stand in its order"):
        engine.anonymise(table, Question((KAnonymity(2),)))


def test_progress_goes_from_nothing_to_all():
    codes = np.arange(40, dtype=np.int32) % 8
    table = TableInput((QuasiColumn("c", codes, hierarchy("x", (2, 4))),))
    told = []

    engine.anonymise(
        table, Question((KAnonymity(6),), Method.FULL_DOMAIN), lambda share, _: told.append(share)
    )

    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)
