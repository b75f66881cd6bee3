"""The passes over a part: loops and arrays find the same, whichever of them runs here."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tidegate.deid.tables import sweeps
from tidegate.deid.tables.cuts import Work

LEAVES = 9
NUMBERS = np.array([0, 0, 0, 1, 1, 2, 3, 3, 3], np.int32)


@st.composite
def parts(draw):
    """Rows of two quasi-identifiers and a sensitive value, a part of them, and memory."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows = rng.integers(0, LEAVES, (draw(st.integers(1, 30)), 3)).astype(np.int32)
    start = draw(st.integers(0, len(rows) - 1))
    stop = draw(st.integers(start + 1, len(rows)))
    return rows, start, stop


def memory():
    whole = [np.zeros(2, np.int64), np.zeros(2, np.int64)]
    bins = [np.zeros(LEAVES, np.int64) for _ in range(3)]
    return Work(*whole, *bins, None, None, np.zeros(LEAVES, int), np.zeros(LEAVES, int), None)


def same(one, other):
    assert all(
        np.array_equal(left, right)
        for left, right in zip(one, other, strict=True)
        if left is not None
    )


@given(parts())
def test_the_lowest_and_highest_leaf(part):
    rows, start, stop = part
    one, other = memory(), memory()

    sweeps.survey_loop(rows, start, stop, one)
    sweeps.survey_arrays(rows, start, stop, other)

    same(one, other)
    assert one.low.tolist() == rows[start:stop, :2].min(axis=0).tolist()


@given(parts(), st.integers(0, 1))
def test_the_records_under_each_child(part, column):
    rows, start, stop = part
    one, other = memory(), memory()
    for work in (one, other):
        sweeps.survey_loop(rows, start, stop, work)

    bins = sweeps.count_loop(rows, (start, stop), column, NUMBERS, one)

    assert bins == sweeps.count_arrays(rows, (start, stop), column, NUMBERS, other)
    same(one, other)
    assert one.counts[:bins].sum() == stop - start


@given(parts(), st.integers(0, LEAVES))
def test_the_values_on_both_sides_of_a_cut(part, place):
    rows, start, stop = part
    one, other = memory(), memory()

    lower = sweeps.divide_loop(rows, (start, stop), (0, place), 2, one)

    assert lower == sweeps.divide_arrays(rows, (start, stop), (0, place), 2, other)
    same(one, other)
    assert one.left.sum() == lower


@given(parts(), st.integers(0, LEAVES))
def test_a_part_is_split_in_order(part, place):
    rows, start, stop = part
    ids = np.arange(len(rows))
    other_rows, other_ids = rows.copy(), ids.copy()
    kept = [number for number in range(start, stop) if rows[number, 0] <= place]

    middle = sweeps.split_loop(
        rows, ids, (start, stop), (0, place), (np.empty_like(rows), np.empty_like(ids))
    )

    assert middle == sweeps.split_arrays(other_rows, other_ids, (start, stop), (0, place), None)
    same((rows, ids), (other_rows, other_ids))
    assert ids[start:middle].tolist() == kept
