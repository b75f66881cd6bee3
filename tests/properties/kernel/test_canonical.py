"""Canonical JSON is one byte sequence for one value."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tidegate.kernel.canonical import canonical_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_it_reads_back_as_the_same_value(value):
    assert value == json.loads(canonical_json(value))


@given(st.dictionaries(st.text(), st.integers(0, 9), min_size=2))
def test_the_order_of_names_does_not_matter(value):
    backwards = dict(reversed(value.items()))

    assert canonical_json(value) == canonical_json(backwards)
