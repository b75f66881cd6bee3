"""Reading JSON that a stranger wrote."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.connector.http.body import read_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.slow
@given(VALUES)
def test_what_was_written_is_read(value):
    assert value == read_json(json.dumps(value).encode(), max_depth=200)
