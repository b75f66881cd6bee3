"""Both twins of the loops against counting with a dictionary."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.deid.tables import kernels

TWINS = {"numpy": kernels.choose(compiled=False), "numba": kernels.choose(compiled=True)}
twins = pytest.mark.parametrize("loops", TWINS.values(), ids=TWINS.keys())


@st.composite
def keyed(draw):
    """Keys of one word or of several, with or without weights and firsts, and a mask."""
    words, rows = draw(st.integers(1, 3)), draw(st.integers(0, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    wide = rng.integers(0, draw(st.sampled_from([3, 40, 2**64])), (rows, words), np.uint64)
    wide = wide[rng.integers(0, max(rows // 2, 1), rows)] if rows else wide
    mask = rng.choice(np.array([0, 1, 2**64 - 1, 0xFF00], np.uint64), words)
    keys = wide[:, 0].copy() if words == 1 else wide
    weights = rng.integers(1, 9, rows).astype(np.int32) if draw(st.booleans()) else None
    first = rng.permutation(rows).astype(np.int32) if draw(st.booleans()) else None
    return keys, weights, first, mask


def counted(keys, weights, first, mask):
    """Group by hand, in the order of first appearance."""
    found = {}
    for at, row in enumerate(np.atleast_2d(keys.T).T & mask):
        weight = 1 if weights is None else int(weights[at])
        entry = found.setdefault(tuple(row), [0, at if first is None else int(first[at]), []])
        entry[0] += weight
        entry[2].append(at)
    return found


@twins
@given(keyed())
def test_groups_stand_in_the_order_of_appearance_with_their_sums(loops, table):
    keys, weights, first, mask = table

    groups = loops.group(keys, weights, first, mask)

    by_hand = counted(*table)
    assert [tuple(row) for row in np.atleast_2d(groups.keys.T).T] == list(by_hand)
    assert groups.weights.tolist() == [entry[0] for entry in by_hand.values()]
    assert groups.first.tolist() == [entry[1] for entry in by_hand.values()]


@twins
@given(keyed())
def test_each_record_is_told_the_number_of_its_group(loops, table):
    keys, _, _, mask = table

    ids, count = loops.label(keys, mask)

    by_hand = counted(*table)
    assert count == len(by_hand)
    for number, entry in enumerate(by_hand.values()):
        assert ids[entry[2]].tolist() == [number] * len(entry[2])


@twins
@given(keyed(), st.integers(1, 12), st.integers(0, 80))
def test_records_in_small_groups_are_counted_up_to_the_limit(loops, table, k, limit):
    keys, weights, first, mask = table

    found = loops.small(keys, weights, mask, k, limit)

    sizes = [entry[0] for entry in counted(keys, weights, first, mask).values()]
    assert found == min(sum(size for size in sizes if size < k), limit + 1)


@pytest.mark.parametrize("words", [1, 2])
def test_tables_that_outgrow_their_first_size_agree_between_the_twins(words):
    rng = np.random.default_rng(5)
    wide = rng.integers(0, 2**64, (30_000, words), np.uint64)[rng.integers(0, 30_000, 60_000)]
    keys = np.ascontiguousarray(wide[:, 0]) if words == 1 else wide
    mask = np.full(words, 2**64 - 1, np.uint64)
    plain, fast = TWINS["numpy"], TWINS["numba"]

    for left, right in zip(
        plain.group(keys, None, None, mask), fast.group(keys, None, None, mask), strict=True
    ):
        assert np.array_equal(left, right)
    assert np.array_equal(plain.label(keys, mask)[0], fast.label(keys, mask)[0])
    for limit in (10, 10_000, 10**6):
        assert plain.small(keys, None, mask, 3, limit) == fast.small(keys, None, mask, 3, limit)


def test_numpy_is_chosen_where_numba_is_missing(monkeypatch):
    monkeypatch.setattr(kernels, "find_spec", lambda _name: None)

    assert isinstance(kernels.choose(), kernels.NumpyKernels)


def test_asking_for_compiled_loops_without_numba_fails(monkeypatch):
    monkeypatch.setattr(kernels, "find_spec", lambda _name: None)

    with pytest.raises(ImportError, match="accelerate"):
        kernels.choose(compiled=True)
