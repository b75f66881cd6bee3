"""Tokens: ES256 and nothing else."""

import base64
import hashlib
import hmac
import json

import pytest
from joserfc.jwk import ECKey

from tidegate.connector.errors import CredentialInvalidError
from tidegate.connector.identity import jose
from tidegate.connector.identity.model import DidDocument, VerificationMethod
from tidegate.keys.rules import new_key, public_members, sign

DID = "did:web:node.example.org"
KEY = ECKey.generate_key("P-256")
OTHER = ECKey.generate_key("P-256")
METHOD = VerificationMethod(f"{DID}#k", DID, KEY.as_dict(private=False))
DOCUMENT = DidDocument(DID, (METHOD,), (METHOD.id,), (METHOD.id,), (METHOD.id,))
CLAIMS = {"iss": DID, "sub": DID}
SIGNED = jose.sign(KEY, METHOD.id, CLAIMS)


def part(content) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def code_of(fn, *args) -> str:
    with pytest.raises(CredentialInvalidError) as refusal:
        fn(*args)
    return refusal.value.code


def test_what_was_signed_is_verified():
    token = jose.read(jose.sign(KEY, METHOD.id, CLAIMS))

    assert CLAIMS == jose.verify(token, METHOD)
    assert (DID, METHOD.id, "JWT") == (token.issuer, token.kid, token.typ)


def test_another_key_does_not_verify():
    token = jose.read(jose.sign(OTHER, METHOD.id, CLAIMS))

    assert "signature_invalid" == code_of(jose.verify, token, METHOD)


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS256", "ES384", "", None, 7])
def test_every_other_algorithm_is_refused(algorithm):
    text = f"{part({'alg': algorithm, 'kid': METHOD.id})}.{part(CLAIMS)}.AA"

    assert "algorithm_refused" == code_of(jose.read, text)


def test_a_public_key_used_as_a_secret_gains_nothing():
    head = f"{part({'alg': 'HS256', 'kid': METHOD.id})}.{part(CLAIMS)}"
    secret = json.dumps(METHOD.jwk).encode()
    mac = base64.urlsafe_b64encode(hmac.new(secret, head.encode(), hashlib.sha256).digest())

    assert "algorithm_refused" == code_of(jose.read, f"{head}.{mac.rstrip(b'=').decode()}")


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "crit"])
def test_a_token_may_not_bring_its_own_key(name):
    head = {"alg": "ES256", "kid": METHOD.id, name: KEY.as_dict(private=False)}

    assert "header_refused" == code_of(jose.read, f"{part(head)}.{part(CLAIMS)}.AA")


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c.d", "..", "é.b.c", "a.b.c", "!.!.!"])
def test_what_is_no_token_is_refused(text):
    assert "token_malformed" == code_of(jose.read, text)


def test_tokens_without_a_key_name_or_of_odd_content_are_refused():
    odd = f"{part({'alg': 'ES256', 'kid': 7})}.{part(CLAIMS)}.AA"
    assert "kid_missing" == code_of(jose.read, odd)
    assert "token_malformed" == code_of(jose.read, f"{part([1])}.{part(CLAIMS)}.AA")
    assert "token_too_large" == code_of(jose.read, "a" * (jose.LONGEST_TOKEN + 1))


def test_an_issuer_that_is_no_text_is_nobody():
    assert "" == jose.read(jose.sign(KEY, METHOD.id, {"iss": 7})).issuer


@pytest.mark.parametrize(
    ("kid", "code"),
    [("did:web:other.example#k", "kid_of_another"), (f"{DID}#unknown", "kid_unknown")],
)
def test_a_key_of_somebody_else_or_unknown_is_refused(kid, code):
    token = jose.read(jose.sign(KEY, kid, CLAIMS))

    assert code == code_of(jose.key_of, token, DOCUMENT, DOCUMENT.authentication)


def test_a_key_serves_only_the_purposes_its_document_allows():
    token = jose.read(jose.sign(KEY, METHOD.id, CLAIMS))

    assert METHOD == jose.key_of(token, DOCUMENT, (METHOD.id,))
    assert "key_not_allowed" == code_of(jose.key_of, token, DOCUMENT, ())


def test_a_key_that_another_did_controls_is_refused():
    foreign = VerificationMethod(METHOD.id, "did:web:other.example", METHOD.jwk)
    document = DidDocument(DID, (foreign,), (METHOD.id,))

    token = jose.read(jose.sign(KEY, METHOD.id, CLAIMS))

    assert "key_not_allowed" == code_of(jose.key_of, token, document, (METHOD.id,))


def test_a_short_key_name_is_read_in_the_issuers_document():
    token = jose.read(jose.sign(KEY, "#k", CLAIMS))

    assert METHOD == jose.key_of(token, DOCUMENT, (METHOD.id,))


def test_a_token_without_a_key_name_is_proven_by_the_only_key():
    token = jose.read(jose.sign(KEY, "", CLAIMS))
    another = VerificationMethod(f"{DID}#k2", DID, METHOD.jwk)
    several = DidDocument(DID, (METHOD, another), (METHOD.id, another.id))
    unread = DidDocument(DID, (METHOD,), (METHOD.id,), has_several_keys=True)

    assert METHOD == jose.key_of(token, DOCUMENT, (METHOD.id,))
    assert "kid_missing" == code_of(jose.key_of, token, several, several.authentication)
    assert "kid_missing" == code_of(jose.key_of, token, unread, unread.authentication)


def test_eddsa_verifies_with_its_own_kind_of_key_only():
    key = new_key("EdDSA")
    method = VerificationMethod(f"{DID}#ed", DID, public_members(key.as_dict(private=False)))

    token = jose.read(jose.sign(key, method.id, CLAIMS))

    assert "EdDSA" == token.algorithm
    assert CLAIMS == jose.verify(token, method)
    assert "signature_invalid" == code_of(jose.verify, token, METHOD)
    assert "signature_invalid" == code_of(jose.verify, jose.read(SIGNED), method)
    forged = f"{part({'alg': 'Ed25519', 'kid': METHOD.id})}.{SIGNED.partition('.')[2]}"
    assert "signature_invalid" == code_of(jose.verify, jose.read(forged), METHOD)


def test_the_fully_specified_name_of_eddsa_is_read():
    key = new_key("EdDSA")
    method = VerificationMethod(f"{DID}#ed", DID, public_members(key.as_dict(private=False)))
    text = sign(key, {"alg": "Ed25519", "typ": "JWT", "kid": method.id}, b"{}")

    assert {} == jose.verify(jose.read(text), method)
