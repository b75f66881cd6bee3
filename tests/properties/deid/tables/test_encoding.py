"""Packed keys against the labels that they stand for."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.deid_tables import hierarchies, hierarchy, tables, uneven
from tidegate.deid.tables import kernels
from tidegate.deid.tables.encoding import is_in_order, losses_of, pack
from tidegate.deid.tables.model import Hierarchy, QuasiColumn, SensitiveColumn, TableInput

LOOPS = kernels.choose(compiled=False)


def labels_at(table, node):
    """The published labels of every record at a node."""
    columns = [
        [column.hierarchy.labels[level][code] for code in column.codes]
        for column, level in zip(table.quasi, node, strict=True)
    ]
    return list(zip(*columns, strict=True))


@given(tables(sensitive=1))
def test_equal_masked_keys_are_equal_labels_at_every_node(table):
    packed = pack(table, LOOPS)
    order = packed.entry_of

    for node in itertools.product(*(range(height) for height in packed.shape)):
        ids, _ = LOOPS.label(packed.keys[order], packed.node_mask(node))
        labels = labels_at(table, node)
        assert len(set(labels)) == len(set(zip(labels, ids.tolist(), strict=True))) == max(ids) + 1


@given(tables())
def test_entries_hold_every_record_once_in_the_order_of_appearance(table):
    packed = pack(table, LOOPS)

    assert packed.weights.sum() == packed.rows == table.rows
    assert np.bincount(packed.entry_of).tolist() == packed.weights.tolist()
    assert packed.first.tolist() == sorted(packed.first.tolist())
    assert packed.entry_of[packed.first].tolist() == list(range(len(packed.keys)))


@given(tables(sensitive=2))
def test_sensitive_columns_keep_entries_apart_until_they_are_let_go(table):
    packed = pack(table, LOOPS, ("s1",))
    node = tuple(height - 1 for height in packed.shape)

    values = len(set(table.sensitive[1].codes.tolist()))

    assert LOOPS.label(packed.keys, packed.node_mask(node, with_sensitive=True))[1] == values
    assert LOOPS.label(packed.keys, packed.node_mask(node))[1] == 1


@pytest.mark.parametrize("compiled", [False, True])
def test_keys_beyond_a_word_take_more_and_mean_the_same(compiled):
    loops = kernels.choose(compiled=compiled)
    rng = np.random.default_rng(3)
    quasi = tuple(
        QuasiColumn(f"c{at}", rng.integers(0, 64, 300).astype(np.int32), hierarchy("x", (8, 8)))
        for at in range(25)
    )
    packed = pack(TableInput(quasi), loops)
    node = tuple([2] * 22 + [1, 1, 0])

    ids, count = loops.label(packed.keys[packed.entry_of], packed.node_mask(node))

    labels = labels_at(TableInput(quasi), node)
    assert packed.words == 3
    assert count == len(set(labels)) == len(set(zip(labels, ids.tolist(), strict=True)))


@settings(max_examples=20)
@given(tables())
def test_keys_of_a_word_ascend_in_the_order_of_the_taxonomies(table):
    packed = pack(table, LOOPS)

    codes = list(zip(*(column.codes[packed.first].tolist() for column in table.quasi), strict=True))

    assert [codes[at] for at in np.argsort(packed.keys)] == sorted(codes)


def test_penalties_are_the_share_of_leaves_that_a_label_cannot_tell_apart():
    shape = uneven("x", ([0, 0, 0, 1, 2], [0, 0, 0]))

    assert losses_of(shape).tolist() == [[0] * 5, [0.5, 0.5, 0.5, 0, 0], [1] * 5]


def test_a_column_of_one_leaf_takes_no_bit_and_loses_nothing():
    lone = QuasiColumn("c", np.zeros(3, np.int32), hierarchy("x", (1,)))
    values = SensitiveColumn("s", np.zeros(3, np.int32), ("a",))

    packed = pack(TableInput((lone,), (values,)), LOOPS, ("s",))

    assert (packed.keys.tolist(), packed.weights.tolist()) == ([0], [3])
    assert losses_of(lone.hierarchy).tolist() == [[0], [0]]


def stands_in_order(shape):
    """The leaves of each label are neighbours and share all that stands above it, naively."""
    paths = list(zip(*shape.labels, strict=True))
    for level, labels in enumerate(shape.labels):
        for label in set(labels):
            mine = [at for at, own in enumerate(labels) if own == label]
            if mine != list(range(mine[0], mine[-1] + 1)):
                return False
            if len({paths[at][level:] for at in mine}) > 1:
                return False
    return len(set(shape.labels[0])) == len(paths) and len(set(shape.labels[-1])) == 1


@given(hierarchies(), st.data())
def test_leaves_that_are_not_neighbours_under_their_label_are_seen(shape, data):
    assert is_in_order(shape)

    order = data.draw(st.permutations(range(len(shape.leaves))))
    lines = [[level[at] for at in order] for level in shape.labels]
    if data.draw(st.booleans()):
        level = data.draw(st.integers(0, shape.height - 1))
        at = data.draw(st.integers(0, len(order) - 1))
        lines[level][at] = data.draw(st.sampled_from(["*", *lines[level], "strange"]))
    turned = Hierarchy("c", tuple(tuple(line) for line in lines))

    assert is_in_order(turned) == stands_in_order(turned)
