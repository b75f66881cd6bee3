"""The verifier against holders that cheat: forged presentations and forged credentials."""

import pytest
from joserfc.jwk import ECKey

from tidegate.connector.errors import PeerRefusedError
from tidegate.connector.identity import jose
from tidegate.connector.identity.messages import DCP_CONTEXT

QUERY = "http://localhost:7401/dcp/holder/presentations/query"


@pytest.fixture(autouse=True)
def honest_again(world):
    """Let the faculty answer by itself again, and be met anew."""
    world.nodes[2].identity.forget_peer(world.nodes[1].did)
    yield
    world.wire.answers.clear()


def held(node) -> list[str]:
    return node.ground.journal.read(
        lambda conn: [
            row[0] for row in conn.exec_driver_sql("SELECT jwt FROM connector_credential")
        ]
    )


def presented(world, jwts, *, signer=None, key=None, **claims) -> list[str]:
    """Make a presentation as the faculty would, with claims changed."""
    _, faculty, hospital = world.nodes
    signer = signer or faculty
    now = int(world.clock.now().timestamp())
    full = {
        "iss": faculty.did, "sub": faculty.did, "aud": hospital.did, "jti": "p", "iat": now,
        "exp": now + 60, "vp": {"type": "VerifiablePresentation", "verifiableCredential": jwts},
        **claims,
    }  # fmt: skip
    kid = f"{signer.did}#{signer.ground.keys.identity_kid}"
    return [jose.sign(key or signer.ground.keys.identity_key(), kid, full)]


def credential(world, signer, kind="MembershipCredential", **changes) -> str:
    """Make a credential about the faculty, signed by `signer`."""
    faculty = world.nodes[1]
    now = int(world.clock.now().timestamp())
    subject = {"id": faculty.did, "name": "Faculty", "role": "participant", "seat": "HK"}
    full = {
        "id": "urn:x", "type": ["VerifiableCredential", kind], "issuer": signer.did,
        "credentialSubject": subject, "iss": signer.did, "sub": faculty.did,
        "nbf": now, "exp": now + 300, **changes,
    }  # fmt: skip
    return signer.identity.sign_as_is(full, typ="vc+jwt")


def first_form(world, kind, **changes) -> str:
    """Make a credential in the form of VC 1.1, as other issuers do."""
    authority, faculty, _ = world.nodes
    now = world.clock.now()
    vc = {
        "@context": ["https://www.w3.org/2018/credentials/v1"], "id": "x-1",
        "type": ["VerifiableCredential", kind], "issuer": authority.did,
        "issuanceDate": now.isoformat(), "expirationDate": None,
        "credentialSubject": {
            "id": faculty.did, "name": "Faculty", "role": "participant", "seat": "HK",
        }, **changes,
    }  # fmt: skip
    return authority.identity.sign_as_is(
        {"iss": authority.did, "sub": faculty.did, "exp": int(now.timestamp()) + 300, "vc": vc}
    )


def meet(world, presentation):
    _, faculty, hospital = world.nodes
    body = {"@context": [DCP_CONTEXT], "type": "PresentationResponseMessage"}
    world.wire.answer(QUERY, {**body, "presentation": presentation})
    return hospital.identity.authenticate(faculty.identity.token_for(hospital.did))


def refused(world, presentation) -> str:
    with pytest.raises(PeerRefusedError) as refusal:
        meet(world, presentation)
    return refusal.value.code


def test_an_honest_presentation_is_believed(world):
    assert "Faculty" == meet(world, presented(world, held(world.nodes[1]))).name


def test_credentials_of_the_older_form_are_believed(world):
    jwts = [first_form(world, "MembershipCredential"), first_form(world, "SeatCredential")]

    assert "Faculty" == meet(world, presented(world, jwts)).name


def test_presentations_of_the_newer_form_are_believed(world):
    listed = [
        {"type": "EnvelopedVerifiableCredential", "id": f"data:application/vc+jwt,{jwt}"}
        for jwt in held(world.nodes[1])
    ]
    token = presented(world, [], vp=listed)
    claims = {**jose.read(token[0]).claims, "verifiableCredential": listed}
    del claims["vp"]

    assert "Faculty" == meet(world, [world.nodes[1].identity.sign_as_is(claims, typ="vp+jwt")]).name


def test_credentials_of_somebody_else_are_refused(world):
    assert "holder_mismatch" == refused(world, presented(world, held(world.nodes[0])))


def test_the_presentation_of_somebody_else_is_refused(world):
    authority = world.nodes[0]
    forged = presented(world, held(authority), signer=authority, iss=authority.did)

    assert "presentation_of_another" == refused(world, forged)


def test_a_presentation_signed_by_another_key_is_refused(world):
    forged = presented(world, held(world.nodes[1]), key=ECKey.generate_key("P-256"))

    assert "signature_invalid" == refused(world, forged)


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "did:web:localhost%3A7400"}, "audience_mismatch"),
        ({"exp": 5}, "presentation_expired"),
        ({"nbf": 10**11}, "presentation_not_yet_valid"),
        ({"exp": None}, "time_missing"),
        ({"sub": "did:web:other"}, "presentation_of_another"),
        ({"vp": 7}, "presentation_malformed"),
        ({"vp": {"verifiableCredential": []}}, "credential_missing"),
        ({"vp": {"verifiableCredential": [7]}}, "presentation_malformed"),
        ({"vp": {"verifiableCredential": [{"id": "x"}]}}, "presentation_malformed"),
        ({"vp": {"verifiableCredential": ["a.b.c"] * 40}}, "presentation_malformed"),
        ({"vp": {"verifiableCredential": ["a.b.c"]}}, "token_malformed"),
    ],
)
def test_a_wrong_presentation_is_refused_for_its_own_reason(world, claims, code):
    assert code == refused(world, presented(world, held(world.nodes[1]), **claims))


@pytest.mark.parametrize(
    ("presentation", "code"),
    [([], "credential_missing"), ([7], "presentation_malformed"),
     (["a.b.c"] * 20, "presentation_malformed"), ("x", "message_invalid")],
)  # fmt: skip
def test_a_wrong_answer_is_refused(world, presentation, code):
    assert code == refused(world, presentation)


def test_an_issuer_who_is_not_the_authority_is_not_believed(world):
    hospital = world.nodes[2]

    assert "issuer_untrusted" == refused(world, presented(world, [credential(world, hospital)]))


def test_an_issuer_who_claims_to_be_the_authority_is_not_believed(world):
    authority, faculty, _ = world.nodes
    lie = credential(world, faculty, iss=authority.did, issuer=authority.did)

    assert "kid_of_another" == refused(world, presented(world, [lie]))


def test_a_false_document_at_the_authoritys_address_gains_nothing(world):
    authority, _, hospital = world.nodes
    key = ECKey.generate_key("P-256")
    document = authority.identity.did_document()
    document["verificationMethod"][0]["publicKeyJwk"] = key.as_dict(private=False)
    world.wire.answer("http://localhost:7400/.well-known/did.json", document)
    hospital.identity.forget_peer(authority.did)
    claims = jose.read(credential(world, authority)).claims
    kid = f"{authority.did}#{authority.ground.keys.identity_kid}"

    forged = jose.sign(key, kid, claims, typ="vc+jwt")

    assert "signature_invalid" == refused(world, presented(world, [forged]))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": 5}, "credential_expired"),
        ({"validUntil": "2026-03-01T00:00:00Z"}, "credential_expired"),
        ({"validFrom": "2027-03-01T00:00:00Z"}, "credential_not_yet_valid"),
        ({"sub": "did:web:third"}, "credential_malformed"),
        ({"iss": None, "issuer": "did:web:third"}, "issuer_untrusted"),
        ({"issuer": "did:web:third"}, "credential_malformed"),
        ({"issuer": 7}, "credential_malformed"),
        ({"credentialSubject": []}, "credential_malformed"),
        ({"credentialSubject": [{"id": 7}]}, "credential_malformed"),
        ({"type": "MembershipCredential"}, "credential_malformed"),
        ({"type": ["MembershipCredential"]}, "credential_type_unknown"),
        ({"exp": None}, "credential_malformed"),
        ({"exp": "soon"}, "credential_malformed"),
        ({"validUntil": "soon"}, "credential_malformed"),
        ({"credentialSchema": {"id": "x"}}, "credential_malformed"),
        ({"credentialSchema": {"id": "x", "type": "Other"}}, "schema_unsupported"),
        ({"credentialSchema": [{"id": "x", "type": "Other"}] * 9}, "credential_malformed"),
        ({"credentialSchema": "x"}, "credential_malformed"),
        ({"credentialStatus": "x"}, "credential_malformed"),
        ({"credentialStatus": {"type": "RevocationList2020Status"}}, "credential_malformed"),
        ({"credentialStatus": [{}] * 9}, "credential_malformed"),
        ({"id": None}, "credential_malformed"),
    ],
)
def test_a_wrong_credential_is_refused_for_its_own_reason(world, changes, code):
    forged = credential(world, world.authority, **changes)

    assert code == refused(world, presented(world, [forged]))


def status_entry(**changes):
    return {
        "type": "BitstringStatusListEntry", "statusPurpose": "revocation",
        "statusListIndex": "100000", "statusListCredential": "http://localhost:7400/dcp/status/0",
        **changes,
    }  # fmt: skip


def test_a_credential_with_a_good_status_is_believed(world):
    entry = [status_entry()]
    jwts = [
        credential(world, world.authority, kind, credentialStatus=entry)
        for kind in ("MembershipCredential", "SeatCredential")
    ]

    assert "Faculty" == meet(world, presented(world, jwts)).name


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"statusListIndex": 131072}, "status_list_invalid"),
        ({"statusListIndex": "-1"}, "credential_malformed"),
        ({"statusListIndex": True}, "credential_malformed"),
        ({"statusPurpose": "suspension"}, "status_list_invalid"),
        ({"statusListCredential": "http://localhost:7400/dcp/status/9"}, "peer_declined"),
        ({"statusListCredential": "http://localhost:7400/.well-known/did.json"}, "token_malformed"),
    ],
)
def test_a_status_that_cannot_be_checked_counts_against_the_credential(world, changes, code):
    forged = credential(world, world.authority, credentialStatus=status_entry(**changes))

    assert code == refused(world, presented(world, [forged]))


@pytest.mark.parametrize("claim", ["name", "role", "seat"])
def test_credentials_that_do_not_say_who_it_is_are_refused(world, claim):
    faculty = world.nodes[1]
    subject = {"id": faculty.did, "name": "Faculty", "role": "participant", "seat": "HK", claim: 7}
    jwts = [
        credential(world, world.authority, kind, credentialSubject=subject)
        for kind in ("MembershipCredential", "SeatCredential")
    ]

    assert "claims_missing" == refused(world, presented(world, jwts))


def test_a_status_list_signed_by_somebody_else_is_refused(world):
    hospital = world.nodes[2]
    url = "http://localhost:7401/list"
    world.wire.answers[url] = (200, {"content-type": "application/vc+jwt"}, _list(hospital, url))
    forged = credential(
        world, world.authority, credentialStatus=status_entry(statusListCredential=url)
    )

    assert "status_list_invalid" == refused(world, presented(world, [forged]))


def test_a_status_list_moved_to_another_address_is_refused(world):
    authority = world.authority
    url = "http://localhost:7401/list"
    moved = authority.issuance.status_list(0).encode()
    world.wire.answers[url] = (200, {"content-type": "application/vc+jwt"}, moved)
    forged = credential(world, authority, credentialStatus=status_entry(statusListCredential=url))

    assert "status_list_invalid" == refused(world, presented(world, [forged]))


def _list(node, url) -> bytes:
    return node.identity.sign_as_is({"iss": node.did, "id": url}).encode()


def test_a_caller_without_credential_service_is_refused(world):
    _, faculty, hospital = world.nodes
    document = {**faculty.identity.did_document(), "service": []}
    world.wire.answer("http://localhost:7401/.well-known/did.json", document)

    with pytest.raises(PeerRefusedError) as refusal:
        hospital.identity.authenticate(faculty.identity.token_for(hospital.did))

    assert "credential_service_missing" == refusal.value.code
