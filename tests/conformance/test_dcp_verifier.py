"""The DCP kit's tests of a verifier, by its ids, without a JVM, and what the kit cannot see.

The kit accepts a verifier that refuses everything that has a status or a schema; here the good
cases are accepted too.
"""

import base64
import gzip
import time

import pytest

from lib.dcp_peer import KIT, MEMBER, NODE_DID, SENSITIVE, TYPE, claims_of, dcp_bench, did, moment
from lib.dps_peer import Signer
from tidegate_tck import dcp

SCHEMA = {
    "$schema": "http://json-schema.org/draft-04/schema#", "type": "object",
    "properties": {"id": {"type": "string"}, "foo": {"type": "string"}}, "required": ["id", "foo"],
}  # fmt: skip
FAR = 1_000_000


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with dcp_bench(tmp_path_factory.mktemp("verifier") / "home", dcp.verifier) as one:
        one.kit.served["schema/membership-schema.json"] = SCHEMA
        yield one


def shown(bench, *jwts, fault="", role="holder", answer=None, **claims):
    """Call with a holder's token; the node asks the holder, who answers with these."""
    bench.kit.answer = [bench.kit.presentation(*jwts)] if answer is None else answer
    header = bench.kit.authorization(role, fault, **{"token": "opaque", **claims})
    return bench.call("POST", "/tck/verify", {}, header)


def member(bench, **changes):
    return bench.kit.credential(subject=did("holder"), **changes)


def code_of(answer):
    return answer.body["code"]


TOKENS = {
    "verifier_04_03_03_idTokenInvalidIssuerSub": {"role": "thirdparty", "aud": did("holder")},
    "verifier_04_03_03_idTokenInvalidSub": {"sub": did("thirdparty")},
    "verifier_04_03_03_idTokenIncorrectSub": {"sub": did("thirdparty")},
    "verifier_04_03_03_idTokenIncorrectAud": {"aud": did("thirdparty")},
    "verifier_04_03_03_idTokenNbfInFuture": {"nbf": int(time.time()) + FAR},
    "verifier_04_03_03_idTokenExpired": {"exp": int(time.time()) - FAR},
    "verifier_04_03_01_presentationResponse_idTokenNoTokenClaim": {"token": ""},
    "presentationResponse_rejectMissingBearerPrefix": {"fault": "missingBearerPrefix"},
}


@pytest.mark.parametrize("name", TOKENS)
def test_a_wrong_token_is_refused_and_nobody_is_asked(bench, name):
    before = len(bench.kit.queries)

    assert 401 == shown(bench, member(bench), **TOKENS[name]).status
    assert before == len(bench.kit.queries)


def test_verifier_04_03_03_a_token_serves_once(bench):
    assert [200, 401] == [shown(bench, member(bench), jti="once").status for _ in range(2)]


def test_presentation_response_endpoint_discovery(bench):
    found = bench.call("GET", "/.well-known/did.json").body

    assert "CredentialService" in {each["type"] for each in found["service"]}


def test_verifier_05_01_presentation_response_success(bench):
    before = len(bench.kit.queries)

    assert 200 == shown(bench, member(bench)).status
    (query,) = bench.kit.queries[before:]
    assert [f"{TYPE}{MEMBER}:read"] == query["scope"]


def test_verifier_05_04_02_01_too_few_credentials(bench):
    header = bench.kit.authorization("holder", token="opaque")
    bench.kit.answer = None  # the holder's service refuses the query

    assert 403 == bench.call("POST", "/tck/verify", {}, header).status
    assert 403 == shown(bench, bench.kit.credential(SENSITIVE, subject=did("holder"))).status


def test_verifier_05_04_02_02_too_many_credentials(bench):
    more = bench.kit.credential(SENSITIVE, subject=did("holder"))

    assert 200 == shown(bench, member(bench), more).status


CREDENTIALS = {
    "verifier_05_04_03_presentationResponse_holderNotEqualSubjectId": (
        {"credentialSubject": {"id": did("thirdparty"), "foo": "bar"}}, "holder_mismatch",
    ),
    "verifier_05_04_03_07_presentationResponse_expiredCredential": (
        {"expirationDate": moment(-100)}, "credential_expired",
    ),
    "verifier_05_04_03_06_presentationResponse_notYetValidCredential": (
        {"issuanceDate": moment(3600)}, "credential_not_yet_valid",
    ),
    "verifier_x_x_presentationResponse_invalidCredentialSchema": (
        {
            "credentialSubject": {"id": did("holder")},
            "credentialSchema": {
                "id": f"{KIT}/schema/membership-schema.json", "type": "JsonSchemaValidator2018"
            },
        },
        "schema_broken",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_wrong_credential_is_refused_for_its_own_reason(bench, name):
    changes, code = CREDENTIALS[name]
    jwt = bench.kit.credential(**{"subject": did("holder"), **changes})

    answer = shown(bench, jwt)

    assert (403, code) == (answer.status, code_of(answer))


def test_verifier_05_04_02_03_empty_presentations(bench):
    assert 403 == shown(bench, answer=[]).status


def test_verifier_05_04_02_04_empty_credentials(bench):
    assert 403 == shown(bench).status


# Status and schema, both ways


def status_list(bench, *revoked):
    """Serve a status list of the issuer; return where it is."""
    bits = bytearray(16 * 1024)
    for index in revoked:
        bits[index // 8] |= 0x80 >> index % 8
    url = f"{KIT}/statuslist/{len(bench.wire.answers)}"
    packed = base64.urlsafe_b64encode(gzip.compress(bytes(bits), mtime=0)).decode().rstrip("=")
    signed = bench.kit.keys["issuer"].sign(
        iss=did("issuer"), id=url, issuer=did("issuer"), validFrom=moment(-1),
        type=["VerifiableCredential", "BitstringStatusListCredential"],
        credentialSubject={
            "id": f"{url}#list", "type": "BitstringStatusList", "statusPurpose": "revocation",
            "encodedList": "u" + packed,
        },
    )  # fmt: skip
    bench.wire.answers[url] = (200, {"content-type": "application/vc+jwt"}, signed.encode())
    return url


def entry(url, index="1"):
    return {
        "id": f"{url}#{index}", "type": "BitstringStatusListEntry", "statusPurpose": "revocation",
        "statusListIndex": index, "statusListCredential": url,
    }  # fmt: skip


def test_verifier_05_04_03_06_a_revoked_credential_is_refused_as_revoked(bench):
    url = status_list(bench, 1)

    answer = shown(bench, member(bench, credentialStatus=entry(url)))

    assert (403, "credential_revoked") == (answer.status, code_of(answer))


def test_a_credential_with_a_good_status_is_accepted(bench):
    url = status_list(bench, 2)

    assert 200 == shown(bench, member(bench, credentialStatus=entry(url))).status


def test_a_status_list_that_nobody_signed_is_not_believed(bench):
    url = f"{KIT}/statuslist/unsigned"
    bench.wire.answer(url, {"type": ["BitstringStatusListCredential"], "credentialSubject": {}})

    answer = shown(bench, member(bench, credentialStatus=entry(url)))

    assert (403, "token_malformed") == (answer.status, code_of(answer))


def test_a_credential_that_obeys_its_schema_is_accepted(bench):
    schema = {"id": f"{KIT}/schema/membership-schema.json", "type": "JsonSchemaValidator2018"}

    assert 200 == shown(bench, member(bench, credentialSchema=schema)).status


# Trust, purposes of keys, and holders that cheat


def test_an_issuer_that_is_not_the_authority_is_not_trusted(bench):
    answer = shown(bench, bench.kit.credential(subject=did("holder"), issuer="thirdparty"))

    assert (403, "issuer_untrusted") == (answer.status, code_of(answer))


def test_a_credential_signed_by_the_holder_in_the_issuers_name_is_refused(bench):
    claims = claims_of(member(bench))
    forged = bench.kit.keys["holder"].sign(**claims)

    answer = shown(bench, forged)

    assert (403, "kid_of_another") == (answer.status, code_of(answer))


@pytest.mark.parametrize(
    ("role", "relation"),
    [
        ("holder", "capabilityInvocation"),
        ("holder", "authentication"),
        ("issuer", "assertionMethod"),
    ],
)
def test_a_key_without_the_purpose_proves_nothing(bench, role, relation):
    bench.kit.documents[role] = bench.kit.document(role, **{relation: []})
    bench.node.house.identity.forget_peer(did(role))

    answer = shown(bench, member(bench))

    bench.kit.documents[role] = bench.kit.document(role)
    bench.node.house.identity.forget_peer(did(role))
    assert "key_not_allowed" == code_of(answer)
    assert answer.status == (401 if relation == "capabilityInvocation" else 403)


def test_the_presentation_of_another_holder_is_refused(bench):
    stolen = bench.kit.presentation(member(bench), role="thirdparty")

    assert "presentation_of_another" == code_of(shown(bench, answer=[stolen]))


def test_a_presentation_for_another_verifier_is_refused(bench):
    replayed = bench.kit.presentation(member(bench), aud=did("thirdparty"))

    assert "audience_mismatch" == code_of(shown(bench, answer=[replayed]))


def test_a_kid_that_resolves_to_nothing_is_refused(bench):
    stranger = Signer("did:web:localhost%3A8083:nobody#key-1")
    token = stranger.sign(
        iss="did:web:localhost%3A8083:nobody", sub="did:web:localhost%3A8083:nobody",
        aud=NODE_DID, token="x",
    )  # fmt: skip

    answer = bench.call("POST", "/tck/verify", {}, f"Bearer {token}")

    assert (401, "did_unresolvable") == (answer.status, code_of(answer))


def test_a_token_that_brings_its_own_key_is_refused(bench):
    head = {"alg": "ES256", "kid": bench.kit.keys["holder"].kid, "jwk": Signer("x").jwk}
    part = base64.urlsafe_b64encode(str(head).replace("'", '"').encode()).decode().rstrip("=")
    token = part + "." + bench.kit.token("holder").partition(".")[2]

    answer = bench.call("POST", "/tck/verify", {}, f"Bearer {token}")

    assert (401, "header_refused") == (answer.status, code_of(answer))


DOCUMENTS = {
    "of another DID": {"id": did("holder")},
    "with a private key": {
        "verificationMethod": [
            {"id": "#a", "type": "JsonWebKey2020",
             "publicKeyJwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA"}}
        ]
    },
    "with a key named twice": {
        "verificationMethod": [
            {"id": "#a", "publicKeyJwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}}
        ] * 2
    },
    "with a thousand services": {"service": [{"id": "x", "type": "y"}] * 1000},
    "with keys that are no list": {"verificationMethod": {}},
    "too large": {"more": "x" * 5_000_000},
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_trap_of_a_did_document_is_refused(bench, name):
    bench.kit.documents["thirdparty"] = bench.kit.document("thirdparty", **DOCUMENTS[name])
    bench.node.house.identity.forget_peer(did("thirdparty"))

    answer = shown(bench, member(bench), role="thirdparty")

    bench.kit.documents["thirdparty"] = bench.kit.document("thirdparty")
    bench.node.house.identity.forget_peer(did("thirdparty"))
    assert 401 == answer.status


def test_a_redirected_did_document_is_not_followed(bench):
    url = f"{KIT}/thirdparty/did.json"
    bench.wire.answer(url, {}, 302, location="http://localhost:8083/holder/did.json")
    bench.node.house.identity.forget_peer(did("thirdparty"))

    answer = shown(bench, member(bench), role="thirdparty")

    del bench.wire.answers[url]
    bench.node.house.identity.forget_peer(did("thirdparty"))
    assert (401, "did_unresolvable") == (answer.status, code_of(answer))
