"""did:web names, documents and our own document."""

import pytest

from tidegate.connector.errors import DidInvalidError
from tidegate.connector.identity.did import did_url, own_document, read_document

DID = "did:web:localhost%3A7401"
JWK = {"kty": "EC", "crv": "P-256", "x": "eA", "y": "eQ", "kid": "k1", "d": "secret"}


def document(**changes):
    made = own_document(
        DID, {**JWK, "kid": "k1"}, {"CredentialService": "http://localhost:7401/dcp/holder/"}
    )
    return {**made, **changes}


@pytest.mark.parametrize(
    ("did", "url"),
    [
        (DID, "http://localhost:7401/.well-known/did.json"),
        ("did:web:localhost%3A8083:holder", "http://localhost:8083/holder/did.json"),
        ("did:web:node.example.org", "https://node.example.org/.well-known/did.json"),
        ("did:web:node.example.org:a:b", "https://node.example.org/a/b/did.json"),
    ],
)
def test_a_name_becomes_an_address(did, url):
    assert url == did_url(did, loopback=True)


def test_outside_one_machine_even_localhost_is_asked_by_https():
    assert did_url(DID, loopback=False).startswith("https://")


@pytest.mark.parametrize(
    "did",
    ["did:key:z6Mk", "web:x", "did:web:", "did:web:a/b", "did:web:a%2Fb", "did:web:a@b",
     "did:web:a:..", "did:web:a:b%2Fc", "did:web:a%3A80%3A90", "did:web:[::1]", "x did:web:a",
     "did:web:a?b", "did:web:a#b", "did:web:" + "a" * 500],
)  # fmt: skip
def test_other_names_are_refused(did):
    with pytest.raises(DidInvalidError):
        did_url(did, loopback=True)


def test_a_former_key_verifies_what_it_signed_and_authenticates_nobody():
    made = own_document(DID, JWK, {}, former=({**JWK, "kid": "k0"},))

    read = read_document(made, DID)

    assert (f"{DID}#k1", f"{DID}#k0") == read.assertion_method
    assert (f"{DID}#k1",) == read.authentication == read.capability_invocation


def test_our_document_is_strict_and_holds_no_secret():
    made = document()

    assert {"id", "type", "serviceEndpoint"} == set(made["service"][0])
    method = made["verificationMethod"][0]
    assert {"id", "type", "controller", "publicKeyJwk"} == set(method)
    assert "d" not in method["publicKeyJwk"]
    assert "http://localhost:7401/dcp/holder" == made["service"][0]["serviceEndpoint"]
    assert [f"{DID}#k1"] == made["capabilityInvocation"] == made["authentication"]


def test_our_document_is_read_back():
    found = read_document(document(), DID)

    assert f"{DID}#k1" == found.methods[0].id
    assert "http://localhost:7401/dcp/holder" == found.find_endpoint("CredentialService")
    assert found.find_endpoint("IssuerService") is None


@pytest.mark.parametrize("reference", ["#k1", "k1", f"{DID}#k1"])
def test_references_may_be_short(reference):
    found = read_document(document(capabilityInvocation=[reference]), DID)

    assert (f"{DID}#k1",) == found.capability_invocation


def test_an_embedded_key_counts_for_its_purpose():
    key = {**document()["verificationMethod"][0], "id": "#k2"}

    found = read_document(document(authentication=[key]), DID)

    assert (f"{DID}#k2",) == found.authentication
    assert f"{DID}#k2" in {method.id for method in found.methods}


def test_keys_of_other_kinds_and_odd_services_are_left_out():
    okp = {"id": "#o", "type": "JsonWebKey2020", "publicKeyJwk": {"kty": "OKP"}}
    odd = {"id": "#s", "type": "X", "serviceEndpoint": {"uri": "x"}}

    found = read_document(document(verificationMethod=[okp], service=[odd]), DID)

    assert () == found.methods
    assert found.find_endpoint("X") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "did:web:other"},
        {"verificationMethod": "x"},
        {"verificationMethod": ["x"]},
        {"verificationMethod": [{"id": "#a"}] * 40},
        {"verificationMethod": [{"id": "#a", "publicKeyJwk": {**JWK, "kid": "a"}}]},
        {"verificationMethod": [{"id": "#a", "publicKeyJwk": {"kty": "EC", "crv": "P-256"}}]},
        {"authentication": [7]},
        {"authentication": "x"},
        {"service": [7]},
    ],
)
def test_malformed_documents_are_refused(changes):
    with pytest.raises(DidInvalidError):
        read_document(document(**changes), DID)


def test_a_key_listed_twice_or_of_an_odd_controller_is_refused():
    method = document()["verificationMethod"][0]

    for wrong in ([method, method], [{**method, "controller": 7}]):
        with pytest.raises(DidInvalidError):
            read_document(document(verificationMethod=wrong), DID)


def test_what_is_no_object_is_no_document():
    with pytest.raises(DidInvalidError):
        read_document(["x"], DID)
