"""The access token in the `token` claim."""

from datetime import UTC, datetime, timedelta

import pytest

from tidegate.connector.errors import PeerUnauthenticatedError
from tidegate.connector.identity.access_tokens import AccessTokens

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
TOKENS = AccessTokens(b"k" * 32, 300)
SCOPES = ("a", "b")
PEER = "did:web:peer"


def code_of(token, audience=PEER, now=NOW, tokens=TOKENS):
    with pytest.raises(PeerUnauthenticatedError) as refusal:
        tokens.read(token, audience, now)
    return refusal.value.code


def test_the_audience_reads_its_scopes():
    assert SCOPES == TOKENS.read(TOKENS.make(PEER, SCOPES, NOW), PEER, NOW)


def test_nobody_else_may_use_it():
    token = TOKENS.make(PEER, SCOPES, NOW)

    assert "access_token_of_another" == code_of(token, audience="did:web:third")


def test_it_ends():
    token = TOKENS.make(PEER, SCOPES, NOW)

    assert "access_token_expired" == code_of(token, now=NOW + timedelta(seconds=300))


def test_a_token_of_another_node_is_unknown():
    other = AccessTokens(b"o" * 32, 300)

    assert "access_token_unknown" == code_of(other.make(PEER, SCOPES, NOW))
