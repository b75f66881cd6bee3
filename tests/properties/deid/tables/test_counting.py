"""How many records a node would release: counted naively, and by both twins alike."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tidegate.deid.tables.counting import CompiledCounter, NumpyCounter, chosen_of

COMPILED, PLAIN = CompiledCounter(), NumpyCounter()


@st.composite
def questions(draw):
    """Keys of one word or two that crowd together, weights and a mask."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows, words = draw(st.integers(1, 60)), draw(st.integers(1, 2))
    pool = rng.integers(0, 2**63, (draw(st.integers(1, 12)), words), dtype=np.uint64)
    keys = pool[rng.integers(0, len(pool), rows)]
    mask = rng.integers(0, 2**63, words, dtype=np.uint64)
    if draw(st.booleans()):
        mask &= np.uint64(0b111)
    weights = rng.integers(1, 4, rows).astype(np.int32)
    return (keys[:, 0].copy() if words == 1 else keys), weights, mask


@given(questions(), st.integers(1, 8))
def test_records_in_large_groups_are_counted(question, k):
    keys, weights, mask = question
    sizes = Counter()
    for key, weight in zip(keys.reshape(len(keys), -1) & mask, weights, strict=True):
        sizes[tuple(key.tolist())] += int(weight)

    held = PLAIN.held(keys, weights, mask, k, 0)

    assert held == sum(size for size in sizes.values() if size >= k)


@given(questions(), st.integers(1, 8), st.integers(0, 3))
def test_both_twins_count_the_same_share(question, k, bits):
    assert COMPILED.held(*question, k, bits) == PLAIN.held(*question, k, bits)


@given(questions(), st.integers(1, 3))
def test_a_group_is_looked_at_whole_or_not_at_all(question, bits):
    keys, _, mask = question
    chosen = set(chosen_of(keys, mask, bits).tolist())
    groups = {}
    for place, key in enumerate(keys.reshape(len(keys), -1) & mask):
        groups.setdefault(tuple(key.tolist()), set()).add(place)

    assert all(group <= chosen or not group & chosen for group in groups.values())


def test_a_table_that_grew_too_small_is_made_larger():
    keys = np.arange(1 << 12, dtype=np.uint64)
    weights = np.ones(len(keys), np.int32)
    mask = np.array([~np.uint64(0)])

    assert CompiledCounter().held(keys, weights, mask, 1, 0) == len(keys)
    assert CompiledCounter().held(keys, weights, mask, 2, 0) == 0
