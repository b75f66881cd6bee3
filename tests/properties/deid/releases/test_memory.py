"""What is kept of a release: nothing that names anybody, and not a byte may change."""

from hypothesis import given
from hypothesis import strategies as st

from tidegate.deid.releases.memory import read_membership, remember, write_membership
from unit.deid.releases.test_memory import KEY


@given(people=st.dictionaries(st.text("abc甲乙", max_size=5), st.integers(-1, 9), max_size=9))
def test_what_is_written_is_read(people):
    membership = remember("2025", list(people), people.values(), KEY)

    assert membership == read_membership(write_membership(membership))
    assert len([n for n in people.values() if n >= 0]) == len(membership.classes)
