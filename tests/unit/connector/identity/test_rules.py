"""The claims of a self-issued ID token, and scopes."""

from datetime import UTC, datetime

import pytest

from tidegate.connector.errors import (
    CredentialInvalidError,
    MessageInvalidError,
    PeerUnauthenticatedError,
)
from tidegate.connector.identity import rules
from tidegate.connector.identity.model import IdentitySettings

ME, PEER = "did:web:me", "did:web:peer"
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
SECONDS = NOW.timestamp()
SETTINGS = IdentitySettings()


def claims(**changes):
    found = {
        "iss": PEER, "sub": PEER, "aud": ME, "jti": "1", "iat": SECONDS, "exp": SECONDS + 60,
    }  # fmt: skip
    return {name: value for name, value in {**found, **changes}.items() if value != "gone"}


def check(**changes):
    return rules.check_token_claims(claims(**changes), audience=ME, now=NOW, settings=SETTINGS)


def test_good_claims_say_who_and_until_when():
    facts = check(token="access")

    assert (PEER, "1", "access") == (facts.did, facts.jti, facts.access_token)


@pytest.mark.parametrize("changes", [{"aud": [ME]}, {"nbf": SECONDS}, {"exp": SECONDS + 600.5}])
def test_forms_that_others_use_are_accepted(changes):
    assert PEER == check(**changes).did


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "gone"}, "issuer_invalid"),
        ({"iss": "https://x", "sub": "https://x"}, "issuer_invalid"),
        ({"sub": "did:web:third"}, "subject_mismatch"),
        ({"sub": "gone"}, "subject_mismatch"),
        ({"aud": PEER}, "audience_mismatch"),
        ({"aud": [ME, PEER]}, "audience_mismatch"),
        ({"aud": "gone"}, "audience_mismatch"),
        ({"jti": "gone"}, "jti_missing"),
        ({"jti": ""}, "jti_missing"),
        ({"jti": "x" * 300}, "jti_missing"),
        ({"token": 7}, "access_token_malformed"),
        ({"token": "x" * 9000}, "access_token_malformed"),
        ({"exp": "gone"}, "time_missing"),
        ({"exp": True}, "time_missing"),
        ({"exp": "2026"}, "time_missing"),
        ({"exp": float("nan")}, "time_invalid"),
        ({"exp": float("inf")}, "time_invalid"),
        ({"exp": 10**30}, "time_invalid"),
        ({"iat": "gone"}, "time_missing"),
        ({"exp": SECONDS - 60}, "token_expired"),
        ({"exp": SECONDS - 30}, "token_expired"),
        ({"iat": SECONDS + 60}, "token_not_yet_valid"),
        ({"nbf": SECONDS + 60}, "token_not_yet_valid"),
        ({"exp": SECONDS + 100_000}, "token_too_long_lived"),
    ],
)
def test_each_wrong_claim_is_refused_for_its_own_reason(changes, code):
    with pytest.raises(PeerUnauthenticatedError) as refusal:
        check(**changes)

    assert code == refusal.value.code


def test_a_clock_that_is_a_few_seconds_off_is_forgiven():
    assert check(iat=SECONDS + 30, nbf=SECONDS + 30)
    assert check(exp=SECONDS - 29)


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "a.b.c", "Basic x", "Bearera.b.c"]
)
def test_a_header_without_a_bearer_token_is_refused(header):
    with pytest.raises(PeerUnauthenticatedError):
        rules.bearer(header)


def test_the_scheme_is_read_in_any_case():
    assert "a.b.c" == rules.bearer("bearer a.b.c")


TYPE, ID = "org.eclipse.dspace.dcp.vc.type:", "org.eclipse.dspace.dcp.vc.id:"


@pytest.mark.parametrize(
    ("scope", "kind"),
    [
        (f"{TYPE}MembershipCredential:read", "MembershipCredential"),
        (f"{TYPE}SeatCredential", "SeatCredential"),
        (f"{TYPE}X:*", "X"),
        (f"{TYPE}X:all", "X"),
    ],
)
def test_a_scope_names_a_type(scope, kind):
    assert {kind} == rules.read_scope((scope,)).types
    assert rules.is_scope(scope)


@pytest.mark.parametrize(
    ("scope", "name"),
    [(f"{ID}urn:uuid:7", "urn:uuid:7"), (f"{ID}urn:uuid:7:read", "urn:uuid:7"), (f"{ID}x", "x")],
)
def test_a_scope_names_one_credential(scope, name):
    found = rules.read_scope((scope,))

    assert {name} == found.ids
    assert found.covers("AnyCredential", name)
    assert not found.covers("AnyCredential", name + "8")


@pytest.mark.parametrize(
    "scope",
    [f"{TYPE}X:write", TYPE, ID, "X", "", f"{TYPE}:read", f"{TYPE}*", f"{TYPE}a b", f"{ID}a b",
     f"{TYPE}{'x' * 201}", f"{ID}{'x' * 501}", f"{TYPE}X:read:read"],
)  # fmt: skip
def test_other_scopes_mean_no_credential(scope):
    assert rules.Scope() == rules.read_scope((scope,))
    assert not rules.is_scope(scope)
    with pytest.raises(MessageInvalidError) as refusal:
        rules.check_scopes((f"{TYPE}Known", scope))
    assert "scope_unknown" == refusal.value.code


def test_no_more_scopes_are_read_than_anybody_needs():
    rules.check_scopes((f"{TYPE}X",) * 32)
    with pytest.raises(MessageInvalidError):
        rules.check_scopes((f"{TYPE}X",) * 33)


def test_a_statement_must_be_for_this_node_and_in_time():
    good = claims()
    rules.check_statement_claims(good, audience=ME, now=NOW, settings=SETTINGS)

    for wrong in (claims(aud=PEER), claims(exp=SECONDS - 60)):
        with pytest.raises(CredentialInvalidError):
            rules.check_statement_claims(wrong, audience=ME, now=NOW, settings=SETTINGS)
