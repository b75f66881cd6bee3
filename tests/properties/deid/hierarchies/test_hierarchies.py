"""Hierarchies are monotone with one root, know the lists, and betray no rare value."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tidegate.deid.hierarchies.model import HierarchyChoice, Kind
from tidegate.deid.hierarchies.rules import check
from tidegate.deid.hierarchies.service import build
from unit.deid.hierarchies.test_hierarchies import LENIENT


@given(st.lists(st.integers(-500, 500).map(str) | st.just(""), min_size=1, max_size=300))
def test_learned_bands_hold_many_records_and_are_monotone(values):
    grown = build("n", values, HierarchyChoice(Kind.NUMBER))

    check(grown.hierarchy)
    records = Counter(grown.leaf_of[value] for value in values)
    known = sum(value != "" for value in values)
    for level in grown.hierarchy.labels[1:-1]:
        held = Counter()
        for leaf, label in enumerate(level):
            held[label] += records[leaf]
        del held[""]
        assert min(held.values()) >= min(11, known)


@given(st.dictionaries(st.text("ab*( )%", max_size=3), st.integers(1, 40), min_size=1, max_size=30))
def test_learned_pools_are_monotone_whatever_the_values(counts):
    grown = build("c", counts, HierarchyChoice(Kind.CATEGORY, LENIENT))

    check(grown.hierarchy)
    assert set(counts) == set(grown.leaf_of)
    assert len(set(grown.hierarchy.leaves)) == len(grown.hierarchy.leaves)


@given(st.dictionaries(st.text("abcdef", min_size=1), st.integers(1, 90), min_size=1))
def test_a_label_read_on_two_levels_covers_the_same_leaves(counts):
    levels = build("c", counts, HierarchyChoice(Kind.CATEGORY)).hierarchy.labels

    meaning = {}
    for level in levels:
        for label in set(level):
            covered = {leaf for leaf, each in enumerate(level) if each == label}
            assert meaning.setdefault(label, covered) == covered
