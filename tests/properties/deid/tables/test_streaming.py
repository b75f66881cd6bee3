"""A stream is recoded with the guarantee of a table, judged by a naive count of its output."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.deid_naive import class_holds
from lib.deid_tables import hierarchy, tables
from tidegate.deid.errors import NotAnonymousError, RecipeInvalidError
from tidegate.deid.tables import streaming
from tidegate.deid.tables.model import (
    DeltaPresence,
    Distance,
    DistinctL,
    EntropyL,
    Hierarchy,
    KAnonymity,
    Method,
    QuasiColumn,
    Question,
    SensitiveColumn,
    TableInput,
    TCloseness,
)

VALUES = (
    DistinctL("s0", 2),
    EntropyL("s0", 1.6),
    TCloseness("s0", 0.5),
    TCloseness("s0", 0.4, Distance.ORDERED),
)


def stream_of(table, rows=7):
    """A table in batches of a few rows."""
    none = np.zeros(0, np.int32)
    empty = TableInput(
        tuple(QuasiColumn(one.name, none, one.hierarchy) for one in table.quasi),
        tuple(SensitiveColumn(one.name, none, one.values) for one in table.sensitive),
    )
    columns = [one.codes for one in (*table.quasi, *table.sensitive)]

    def batches():
        for start in range(0, table.rows, rows):
            yield tuple(codes[start : start + rows] for codes in columns)

    return streaming.Stream(empty, batches)


def published(answer, rows=11):
    """The labels of every record, in their order; None for those that are left out."""
    found = []
    for places, texts in answer.batches(rows):
        found += [
            None if place < 0 else tuple(column[place] for column in texts)
            for place in places.tolist()
        ]
    return found


@settings(max_examples=50)
@given(
    tables(most_columns=3, most_rows=120, sensitive=1),
    st.lists(st.sampled_from(VALUES), max_size=2, unique=True),
    st.sampled_from([Method.LOCAL, Method.PREVIEW]),
    st.sampled_from([0.0, 0.2]),
)
def test_every_criterion_holds_over_all_parts(tmp_path_factory, table, more, method, share):
    criteria = (KAnonymity(3), *more)
    folder = tmp_path_factory.mktemp("spool")
    question = Question(criteria, method, share)

    try:
        answer = streaming.anonymise(stream_of(table), question, folder, part_rows=20)
    except NotAnonymousError:
        return

    found = defaultdict(list)
    for record, labels in enumerate(published(answer)):
        if labels is not None:
            found[labels].append(record)
    kept = [record for own in found.values() for record in own]
    assert table.rows - len(kept) <= share * table.rows
    for own in found.values():
        assert class_holds(table, criteria[0], own, kept)
        for one in more:
            assert class_holds(table, one, own, kept)


def test_parts_are_cut_and_lose_little_by_it(tmp_path):
    rng = np.random.default_rng(2)
    shape = _wide("x")
    codes = rng.integers(0, 64, (2, 4000)).astype(np.int32)
    quasi = tuple(QuasiColumn(f"c{at}", own, shape) for at, own in enumerate(codes))
    question = Question((KAnonymity(5),))

    answers = [
        streaming.anonymise(stream_of(TableInput(quasi), 999), question, folder, part_rows=rows)
        for folder, rows in ((_made(tmp_path / "a"), 500), (_made(tmp_path / "b"), 10**6))
    ]

    parted, whole = (answer.losses().mean() for answer in answers)
    assert whole > 0
    assert parted <= whole * 1.3


def test_what_only_a_whole_table_can_be_asked_is_refused(tmp_path):
    table = TableInput((QuasiColumn("c", np.zeros(9, np.int32), _wide("x")),))
    population = (np.zeros(9, np.int32),)

    for question in (
        Question((KAnonymity(2),), Method.FULL_DOMAIN),
        Question((DeltaPresence(0.0, 1.0, population),)),
    ):
        with pytest.raises(RecipeInvalidError, match="recode locally"):
            streaming.anonymise(stream_of(table), question, tmp_path)


def test_a_number_that_is_no_leaf_is_refused_before_it_is_written_narrow(tmp_path):
    table = TableInput((QuasiColumn("c", np.array([1, 256 + 1], np.int32), _wide("x")),))

    with pytest.raises(RecipeInvalidError, match="extend the hierarchy"):
        streaming.anonymise(stream_of(table), Question((KAnonymity(2),)), tmp_path)


def test_the_sizes_and_losses_of_a_stream_are_those_of_its_labels(tmp_path):
    codes = np.random.default_rng(3).integers(0, 64, 900).astype(np.int32)
    table = TableInput((QuasiColumn("c", codes, _wide("x")),))

    answer = streaming.anonymise(stream_of(table), Question((KAnonymity(5),)), tmp_path)

    sizes = np.bincount(np.asarray(answer.classes) + 1, minlength=len(answer.sizes()))
    assert answer.sizes().tolist() == sizes.tolist()
    wide = Counter(label for (label,) in published(answer))
    leaves = {label: _leaves_under(label, table.quasi[0].hierarchy) for label in wide}
    lost = sum(count * (leaves[label] - 1) / 63 for label, count in wide.items()) / 900
    assert answer.losses().tolist() == pytest.approx([lost])


def test_a_hierarchy_out_of_order_is_refused(tmp_path):
    levels = (("a", "b", "c"), ("x", "y", "x"), ("*", "*", "*"))
    table = TableInput((QuasiColumn("c", np.zeros(3, np.int32), Hierarchy("ward", levels)),))

    with pytest.raises(RecipeInvalidError, match="neighbours"):
        streaming.anonymise(stream_of(table), Question((KAnonymity(2),)), tmp_path)


def test_a_stream_without_records_is_refused(tmp_path):
    table = TableInput((QuasiColumn("c", np.zeros(0, np.int32), _wide("x")),))

    with pytest.raises(RecipeInvalidError, match="no record"):
        streaming.anonymise(stream_of(table), Question((KAnonymity(2),)), tmp_path)


def _leaves_under(label, shape):
    return max(sum(own == label for own in level) for level in shape.labels)


def _made(folder):
    folder.mkdir()
    return folder


def _wide(name):
    return hierarchy(name, (4, 4, 4))
