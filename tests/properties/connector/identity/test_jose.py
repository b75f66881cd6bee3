"""Tokens: ES256 and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.connector.errors import CredentialInvalidError
from tidegate.connector.identity import jose
from unit.connector.identity.test_jose import METHOD, SIGNED


@given(st.data())
def test_no_changed_character_verifies(data):
    text = SIGNED
    at = data.draw(st.integers(0, len(text) - 3))
    new = data.draw(st.sampled_from("ABCxyz019-_").filter(lambda c: c != text[at]))

    with pytest.raises(CredentialInvalidError):
        jose.verify(jose.read(text[:at] + new + text[at + 1 :]), METHOD)
