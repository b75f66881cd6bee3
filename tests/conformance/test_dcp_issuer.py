"""The DCP kit's tests of an issuer, by its ids, without a JVM."""

import pytest

from lib.dcp_peer import (
    CONTEXT,
    FAULTS,
    NODE,
    NODE_DID,
    OLDER,
    claims_of,
    dcp_bench,
    did,
)
from lib.nodes import wait_until
from tidegate_tck import dcp

OF_A_TOKEN = {
    "noAuthHeader": ("is_6_4_2", "is_6_8_2"),
    "missingBearerPrefix": ("is_6_4_3", "is_6_8_3"),
    "tokenSignedWithWrongKey": ("is_6_4_5", "is_6_8_5"),
    "tokenExpired": ("is_6_4_6", "is_6_8_6"),
    "iatInFuture": ("is_6_4_7", "is_6_8_7"),
    "nbfViolated": ("is_6_4_8", "is_6_8_8"),
    "incorrectAudience": ("is_6_4_8 (invalidAud)", "is_6_8_8 (invalidAud)"),
    "issNotEqualToSub": ("is_6_4_10", "is_6_8_10"),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with dcp_bench(tmp_path_factory.mktemp("issuer") / "home", dcp.issuer) as one:
        yield one


def metadata(bench):
    return bench.call("GET", "/dcp/issuer/metadata").body


def request(bench, fault="", *, jti=None, role="holder", **changes):
    wanted = [
        {"id": each["id"]}
        for each in metadata(bench)["credentialsSupported"]
        if each["profile"] == OLDER
    ]
    body = {
        "@context": [CONTEXT], "type": "CredentialRequestMessage", "holderPid": "same-every-time",
        "credentials": wanted, **changes,
    }  # fmt: skip
    header = bench.kit.authorization(role, fault, **({"jti": jti} if jti else {}))
    return bench.call("POST", "/dcp/issuer/credentials", body, header)


def status_of(bench, place, fault="", *, jti=None, role="holder"):
    header = bench.kit.authorization(role, fault, **({"jti": jti} if jti else {}))
    return bench.call("GET", place.removeprefix(NODE), None, header)


def test_is_6_2_endpoint_discovery(bench):
    found = bench.call("GET", "/.well-known/did.json").body

    assert "IssuerService" in {each["type"] for each in found["service"]}


def test_is_6_7_issuer_metadata(bench):
    found = metadata(bench)

    assert ("IssuerMetadata", NODE_DID) == (found["type"], found["issuer"])
    assert 2 == sum(each["profile"] == OLDER for each in found["credentialsSupported"])


def test_is_6_4_1_credential_request(bench):
    before = len(bench.kit.delivered)
    answer = request(bench)
    wait_until(lambda: len(bench.kit.delivered) > before, what="the delivery")

    (message,) = bench.kit.delivered[before:]
    assert 201 == answer.status
    assert ("ISSUED", "same-every-time") == (message["status"], message["holderPid"])
    assert 2 == len(message["credentials"])
    for each in message["credentials"]:
        vc = claims_of(each["payload"])["vc"]
        assert (OLDER, NODE_DID) == (each["format"], vc["issuer"])
        assert ["VerifiableCredential", each["credentialType"]] == vc["type"]
        assert did("holder") == vc["credentialSubject"]["id"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_request_with_a_wrong_token_is_refused(bench, fault):
    """Hold the ids of `OF_A_TOKEN`, its first column."""
    assert 401 == request(bench, fault).status, OF_A_TOKEN[fault][0]


BODIES = {
    "is_6_4_4_credentialRequest_invalidBody": {"credentials": None},
    "is_6_4_12_credentialRequest_missingHolderPid": {"holderPid": None},
    "no credential at all": {"credentials": []},
    "a credential that is not issued": {"credentials": [{"id": "other"}]},
}


@pytest.mark.parametrize("name", BODIES)
def test_a_malformed_request_is_answered_400(bench, name):
    assert 400 == request(bench, **BODIES[name]).status


def test_is_6_4_11_a_token_requests_once(bench):
    assert [201, 401] == [request(bench, jti="is_6_4_11").status for _ in range(2)]


def test_is_6_8_1_the_status_of_a_request_is_told(bench):
    place = request(bench).headers["location"]

    answer = status_of(bench, place)

    assert 200 == answer.status
    assert "CredentialStatus" == answer.body["type"]
    assert answer.body["status"] in {"RECEIVED", "REJECTED", "ISSUED"}
    assert place.rpartition("/")[2] == answer.body["issuerPid"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_status_request_with_a_wrong_token_is_refused(bench, fault):
    """Hold the ids of `OF_A_TOKEN`, its second column."""
    place = request(bench).headers["location"]

    assert 401 == status_of(bench, place, fault).status, OF_A_TOKEN[fault][1]


def test_is_6_8_11_a_token_asks_for_a_status_once(bench):
    place = request(bench).headers["location"]

    assert [200, 401] == [status_of(bench, place, jti="is_6_8_11").status for _ in range(2)]


def test_is_6_8_12_an_unknown_request_is_not_found(bench):
    assert 404 == status_of(bench, f"{NODE}/dcp/issuer/requests/not-exist").status


# What the kit does not look at


def test_the_request_of_somebody_else_is_not_found(bench):
    place = request(bench).headers["location"]

    assert 404 == status_of(bench, place, role="thirdparty").status


def test_a_stranger_is_issued_nothing(bench):
    answer = request(bench, role="thirdparty")

    assert (403, "not_a_member") == (answer.status, answer.body["code"])


def test_every_credential_names_a_status_that_can_be_read_and_is_good(bench):
    before = len(bench.kit.delivered)
    request(bench)
    wait_until(lambda: len(bench.kit.delivered) > before, what="the delivery")
    payload = bench.kit.delivered[before]["credentials"][0]["payload"]
    status = claims_of(payload)["vc"]["credentialStatus"]

    listed = bench.call("GET", status["statusListCredential"].removeprefix(NODE))

    assert "StatusList2021Entry" == status["type"]
    vc = claims_of(listed.body)["vc"]
    assert "StatusList2021Credential" in vc["type"]
    assert "revocation" == vc["credentialSubject"]["statusPurpose"] == status["statusPurpose"]
