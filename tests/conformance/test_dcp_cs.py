"""The DCP kit's tests of a credential service, by its ids, without a JVM."""

import time

import pytest

from lib.dcp_peer import (
    CONTEXT,
    FAULTS,
    MEMBER,
    NODE_DID,
    OLDER,
    SENSITIVE,
    TYPE,
    claims_of,
    dcp_bench,
    did,
)
from tidegate_tck import dcp

FAR = 1_000_000


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with dcp_bench(tmp_path_factory.mktemp("cs") / "home", dcp.credential_service) as one:
        yield one


def message(bench, **changes):
    kinds = (MEMBER, SENSITIVE)
    return {
        "@context": [CONTEXT], "type": "CredentialMessage", "issuerPid": "issuer-1",
        "holderPid": bench.settings["dataspacetck.credentials.correlation.id"], "status": "ISSUED",
        "credentials": [
            {"credentialType": kind, "format": OLDER, "payload": bench.kit.credential(kind)}
            for kind in kinds
        ], **changes,
    }  # fmt: skip


def store(bench, fault="", **changes):
    header = bench.kit.authorization("issuer", fault)
    return bench.call("POST", "/dcp/holder/credentials", message(bench, **changes), header)


def query(bench, *types, token=None, role="verifier", scope=True, fault="", jti=None, **more):
    claims = {"token": token if token is not None else bench.access(*types)}
    claims |= {"jti": jti} if jti else {}
    claims |= more.pop("claims", {})
    body = {"@context": [CONTEXT], "type": "PresentationQueryMessage", **more}
    if scope:
        body = {"scope": [f"{TYPE}{one}:read" for one in types], **body}
    header = bench.kit.authorization(role, fault, **claims)
    return bench.call("POST", "/dcp/holder/presentations/query", body, header)


def types_in(answer):
    found = set()
    for presentation in answer.body["presentation"]:
        assert did("verifier") == claims_of(presentation)["aud"]
        for jwt in claims_of(presentation)["vp"]["verifiableCredential"]:
            found |= set(claims_of(jwt)["vc"]["type"])
    return found


def now():
    return int(time.time())


SECTION_4 = {
    "cs_04_03_03_idTokenInvalidIssuerSub": {"role": "thirdparty"},
    "cs_04_03_03_idTokenInvalidSub": {"claims": {"sub": did("thirdparty")}},
    "cs_04_03_03_idtokenIncorrectAud": {"claims": {"aud": did("verifier")}},
    "cs_04_03_03_idtokenIncorrectSub": {
        "claims": {"iss": did("thirdparty"), "sub": did("thirdparty"), "aud": did("x")}
    },
    "cs_04_03_03_idtokenNbfInFuture": {"claims": {"nbf": now() + FAR}},
    "cs_04_03_03_idtokenExpired": {"claims": {"exp": now() - FAR}},
    "cs_05_03_01_accessTokenInvalidHeader": {"fault": "missingBearerPrefix"},
    "cs_05_04_invalidTokenNotAuthorized": {"token": "faketoken"},
}


@pytest.mark.parametrize("name", SECTION_4)
def test_a_query_with_a_wrong_token_is_refused(bench, name):
    store(bench)

    assert 401 == query(bench, MEMBER, **SECTION_4[name]).status


@pytest.mark.parametrize("name", ["cs_04_03_03_idtokenJtiUsedTwice"])
def test_a_token_queries_once(bench, name):
    store(bench)

    first, second = (query(bench, MEMBER, jti=name) for _ in range(2))

    assert (200, 401) == (first.status, second.status)
    assert {"VerifiableCredential", MEMBER} == types_in(first)


@pytest.mark.parametrize("name", ["cs_05_02_endpointDiscovery"])
def test_the_did_document_names_the_service(bench, name):
    found = bench.call("GET", "/.well-known/did.json").body

    assert "CredentialService" in {each["type"] for each in found["service"]}, name


SECTION_5 = {
    "cs_05_04_01_invalidScopeAndPresentationRequest": {"presentationDefinition": {"id": "x"}},
    "cs_05_04_01_emptyPresentationDefinition": {"scope": False, "presentationDefinition": {}},
    "cs_05_04_01_emptyPresentationDefinition (null)": {
        "scope": False, "presentationDefinition": None
    },
    "cs_05_04_02_emptyScopeExpect4xx": {"scope": False, "claims": {}},
}  # fmt: skip


@pytest.mark.parametrize("name", SECTION_5)
def test_a_malformed_query_is_answered_400(bench, name):
    assert 400 == query(bench, MEMBER, **SECTION_5[name]).status


@pytest.mark.parametrize("name", ["cs_05_04_02_emptyScopeExpect4xx"])
def test_an_empty_list_of_scopes_is_answered_400(bench, name):
    assert 400 == query(bench, token=bench.access(MEMBER)).status, name


GRANTS = {
    "cs_05_04_01_02_scopeByTypeRequest": ((MEMBER,), (MEMBER,), {MEMBER}),
    "cs_05_04_01_02_lessScopesThanAuthorizedByTypeRequest": (
        (MEMBER, SENSITIVE), (SENSITIVE,), {SENSITIVE},
    ),
    "cs_05_04_01_02_invalidScopeEscalationRequest": (
        (MEMBER,), (MEMBER, SENSITIVE), {MEMBER},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GRANTS)
def test_what_was_granted_and_asked_for_is_presented(bench, name):
    granted, asked, shown = GRANTS[name]
    token = bench.access(*granted)  # given before the credentials come
    store(bench)

    answer = query(bench, *asked, token=token)

    assert 200 == answer.status
    assert {"VerifiableCredential", *shown} == types_in(answer)


@pytest.mark.parametrize("name", ["cs_06_05_01_credentialMessage"])
def test_credentials_that_were_asked_for_are_stored(bench, name):
    assert 200 == store(bench).status, name
    held = {each.type for each in bench.node.house.wallet.list_credentials()}
    assert {MEMBER, SENSITIVE} <= held


@pytest.mark.parametrize("fault", FAULTS)
def test_credentials_with_a_wrong_token_are_refused(bench, fault):
    """Hold `cs_06_05_01_credentialMessage_<fault>`."""
    assert 401 == store(bench, fault).status


BODIES = {
    "cs_06_05_01_credentialMessage_invalidBody": {"holderPid": None},
    "cs_06_05_01_credentialMessage_invalidStatus": {"status": "INVALID_STATUS"},
}


@pytest.mark.parametrize("name", BODIES)
def test_a_malformed_credential_message_is_answered_400(bench, name):
    assert 400 == store(bench, **BODIES[name]).status


def offer(bench, fault="", *, jti=None, path="/dcp/holder/offers", **changes):
    full = {
        "id": "7c3f9a0e-9d7c-4a39-9a52-0d6f6d6f7a11", "type": "CredentialObject",
        "credentialType": MEMBER, "bindingMethods": ["did:web:"], "profile": OLDER,
        "credentialSchema": "https://example.com/schema", "issuancePolicy": {},
        "offerReason": "reissue",
    }  # fmt: skip
    body = {
        "@context": [CONTEXT], "type": "CredentialOfferMessage", "issuer": did("issuer"),
        "credentials": [full], **changes,
    }  # fmt: skip
    header = bench.kit.authorization("issuer", fault, **({"jti": jti} if jti else {}))
    return bench.call("POST", path, body, header)


OFFERS = {
    "cs_06_06_01_credentialOfferMessage": ({}, 200),
    "cs_06_06_01_credentialOfferMessage_onlyIds": (
        {"credentials": [{"id": "random-1"}, {"id": "random-2"}]}, 200,
    ),
    "cs_06_06_01_credentialOfferMessage_invalidBody": ({"issuer": None}, 400),
    "the list of offers is empty": ({"credentials": []}, 400),
}  # fmt: skip


@pytest.mark.parametrize("name", OFFERS)
def test_an_offer_is_answered(bench, name):
    changes, status = OFFERS[name]

    assert status == offer(bench, **changes).status


@pytest.mark.parametrize("fault", FAULTS)
def test_an_offer_with_a_wrong_token_is_refused(bench, fault):
    """Hold `cs_06_06_01_credentialOfferMessage_<fault>`."""
    assert 401 == offer(bench, fault).status


@pytest.mark.parametrize(
    "name",
    [
        "cs_06_05_01_credentialMessage_jtiAlreadyUsed",
        "cs_06_06_01_credentialOfferMessage_jtiAlreadyUsed",
    ],
)
def test_a_token_of_the_issuer_serves_once(bench, name):
    header = bench.kit.authorization("issuer", jti=name)
    if "Offer" in name:
        answers = [offer(bench, jti=name).status for _ in range(2)]
    else:
        answers = [
            bench.call("POST", "/dcp/holder/credentials", message(bench), header).status
            for _ in range(2)
        ]

    assert [200, 401] == answers


# What the kit does not look at


def test_a_third_party_delivers_and_offers_nothing(bench):
    header = bench.kit.authorization("thirdparty")
    answer = bench.call("POST", "/dcp/holder/credentials", message(bench), header)
    assert (403, "issuer_untrusted") == (answer.status, answer.body["code"])

    body = {"@context": [CONTEXT], "type": "CredentialOfferMessage", "issuer": did("thirdparty"),
            "credentials": [{"id": "x"}]}  # fmt: skip
    header = bench.kit.authorization("thirdparty")
    assert 403 == bench.call("POST", "/dcp/holder/offers", body, header).status


def test_credentials_that_nobody_asked_for_are_refused(bench):
    answer = store(bench, holderPid="urn:uuid:00000000-0000-4000-8000-000000000000")

    assert (403, "holder_pid_unknown") == (answer.status, answer.body["code"])


def test_a_credential_whose_proof_does_not_hold_is_refused(bench):
    forged = bench.kit.credential(issuer="thirdparty")
    listed = [{"credentialType": MEMBER, "format": OLDER, "payload": forged}]

    assert 400 == store(bench, credentials=listed).status


def test_a_key_that_may_not_invoke_proves_no_caller(bench):
    document = bench.kit.document("thirdparty", capabilityInvocation=[])
    bench.kit.documents["thirdparty"] = document
    bench.node.house.identity.forget_peer(did("thirdparty"))

    answer = query(bench, MEMBER, token="x", role="thirdparty")

    bench.kit.documents["thirdparty"] = bench.kit.document("thirdparty")
    bench.node.house.identity.forget_peer(did("thirdparty"))
    assert (401, "key_not_allowed") == (answer.status, answer.body["code"])


def test_the_nodes_own_token_proves_nobody_else(bench):
    own = bench.node.house.identity.token_with(NODE_DID, bench.access(MEMBER))
    body = {"@context": [CONTEXT], "type": "PresentationQueryMessage", "scope": [TYPE + MEMBER]}

    assert 401 == bench.call("POST", "/dcp/holder/presentations/query", body, own).status
