"""Folding, pairs, concepts, snippets."""

from hypothesis import given
from hypothesis import strategies as st

from tidegate.catalogue.words import fold, grams, pairs


@given(st.text())
def test_folding_keeps_the_length_so_that_marks_stay_in_place(text):
    assert len(text) == len(fold(text))


@given(st.text(alphabet="肝臟病脏血liver 1"))
def test_folding_twice_changes_nothing_more(text):
    assert fold(text) == fold(fold(text))


@given(st.text(alphabet="肝脏病血压", min_size=1))
def test_every_part_of_a_chinese_text_is_among_its_grams(text):
    held = set(grams(text).split())

    assert all(pair in held for size in (1, 2, 3) for pair in pairs(text[:size]))
