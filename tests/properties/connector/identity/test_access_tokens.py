"""The access token in the `token` claim."""

from hypothesis import given
from hypothesis import strategies as st

from unit.connector.identity.test_access_tokens import NOW, PEER, SCOPES, TOKENS, code_of


@given(st.text(max_size=200))
def test_made_up_tokens_are_unknown(token):
    assert "access_token_unknown" == code_of(token)


@given(st.data())
def test_no_changed_character_is_accepted(data):
    token = TOKENS.make(PEER, SCOPES, NOW)
    at = data.draw(st.integers(0, len(token) - 1))
    new = data.draw(st.characters(codec="ascii").filter(lambda c: c != token[at]))

    assert "access_token_unknown" == code_of(token[:at] + new + token[at + 1 :])
