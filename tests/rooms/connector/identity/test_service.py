"""Who speaks: good callers are met, and every trick with tokens and credentials is refused."""

import pytest
from joserfc.jwk import ECKey

from lib.space_world import OPERATOR
from tidegate.access.model import Seat
from tidegate.connector.errors import (
    CredentialInvalidError,
    DidInvalidError,
    NoSpaceError,
    PeerRefusedError,
    PeerUnauthenticatedError,
    PeerUnreachableError,
)
from tidegate.connector.identity import jose
from tidegate.connector.identity.model import MEMBERSHIP, SCOPE_PREFIX
from tidegate.kernel.errors import UnavailableError
from tidegate.partners.model import PersonAssertion


def queries(world) -> int:
    return sum("presentations/query" in call for call in world.wire.calls)


def forged(node, audience, *, key=None, kid=None, **claims) -> str:
    """Make a token as `node` would, with claims changed and perhaps another key."""
    now = int(node.ground.clock.now().timestamp())
    full = {
        "iss": node.did, "sub": node.did, "aud": audience, "jti": node.ground.ids.urn(),
        "iat": now, "nbf": now, "exp": now + 60, **claims,
    }  # fmt: skip
    own = f"{node.did}#{node.ground.keys.identity_kid}"
    return "Bearer " + jose.sign(key or node.ground.keys.identity_key(), kid or own, full)


def refused(node, authorization) -> str:
    with pytest.raises(PeerUnauthenticatedError) as refusal:
        node.identity.authenticate(authorization)
    return refusal.value.code


def test_a_member_is_met_by_name_seat_and_role(world):
    _, faculty, hospital = world.nodes

    peer = hospital.identity.authenticate(faculty.identity.token_for(hospital.did))

    assert (faculty.did, "Faculty", Seat.HK) == (peer.did, peer.name, peer.seat)
    assert "participant" == peer.role
    assert not peer.is_authority
    assert f"node:{faculty.did}" == peer.as_actor().id
    assert "Faculty" == peer.as_participant().name


def test_the_authority_is_met_too(world):
    authority, faculty, _ = world.nodes

    peer = faculty.identity.authenticate(authority.identity.token_for(faculty.did))

    assert peer.is_authority


def test_a_peer_is_asked_for_its_credentials_once_a_minute(world):
    _, faculty, hospital = world.nodes
    hospital.identity.forget_peer(faculty.did)
    before = queries(world)

    for _ in range(3):
        hospital.identity.authenticate(faculty.identity.token_for(hospital.did))
    world.clock.advance(seconds=61)
    hospital.identity.authenticate(faculty.identity.token_for(hospital.did))

    assert before + 2 == queries(world)


def test_a_token_serves_once(world):
    _, faculty, hospital = world.nodes
    token = faculty.identity.token_for(hospital.did)
    hospital.identity.authenticate(token)

    assert "token_replayed" == refused(hospital, token)


def test_a_token_serves_once_even_after_a_restart(world):
    _, faculty, hospital = world.nodes
    token = faculty.identity.token_for(hospital.did)
    hospital.identity.identify(token)

    hospital.identity.purge_tokens()

    assert "token_replayed" == refused(hospital, token)


def test_expired_tokens_are_forgotten_in_time(world):
    _, faculty, hospital = world.nodes
    hospital.identity.identify(faculty.identity.token_for(hospital.did))
    world.clock.advance(seconds=120)

    assert hospital.identity.purge_tokens() >= 1


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"sub": "did:web:localhost%3A7400"}, "subject_mismatch"),
        ({"aud": "did:web:localhost%3A7400"}, "audience_mismatch"),
        ({"exp": 1}, "token_expired"),
        ({"nbf": 99999999999}, "token_not_yet_valid"),
        ({"iss": "did:web:localhost%3A7400", "sub": "did:web:localhost%3A7400"}, "kid_of_another"),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(world, claims, code):
    _, faculty, hospital = world.nodes

    assert code == refused(hospital, forged(faculty, hospital.did, **claims))


def test_a_token_signed_by_another_key_under_the_same_name_is_refused(world):
    _, faculty, hospital = world.nodes
    token = forged(faculty, hospital.did, key=ECKey.generate_key("P-256"))

    assert "signature_invalid" == refused(hospital, token)


def test_a_token_that_names_the_key_of_another_node_is_refused(world):
    authority, faculty, hospital = world.nodes
    kid = f"{authority.did}#{authority.ground.keys.identity_kid}"

    token = forged(faculty, hospital.did, kid=kid)

    assert "kid_of_another" == refused(hospital, token)


def test_a_token_that_names_an_unknown_key_is_refused(world):
    _, faculty, hospital = world.nodes

    token = forged(faculty, hospital.did, kid=f"{faculty.did}#nothing")

    assert "kid_unknown" == refused(hospital, token)


@pytest.mark.parametrize("header", [None, "x", "Basic abc", "Bearer a.b.c"])
def test_what_is_no_token_is_refused(world, header):
    with pytest.raises(PeerUnauthenticatedError):
        world.nodes[2].identity.authenticate(header)


def test_a_token_without_access_token_cannot_be_met_anew(world):
    _, faculty, hospital = world.nodes
    hospital.identity.forget_peer(faculty.did)

    token = faculty.identity.token_with(hospital.did)

    assert "access_token_missing" == refused(hospital, token)


def test_an_access_token_of_another_audience_gives_nothing(world):
    authority, faculty, hospital = world.nodes
    hospital.identity.forget_peer(faculty.did)
    stolen = faculty.identity.access_tokens.make(
        authority.did, (f"{SCOPE_PREFIX}{MEMBERSHIP}",), world.clock.now()
    )

    with pytest.raises(PeerRefusedError):
        hospital.identity.authenticate(forged(faculty, hospital.did, token=stolen))


def test_an_access_token_for_less_is_not_enough(world):
    _, faculty, hospital = world.nodes
    hospital.identity.forget_peer(faculty.did)
    scope = (f"{SCOPE_PREFIX}{MEMBERSHIP}",)

    with pytest.raises(PeerRefusedError) as refusal:
        hospital.identity.authenticate(faculty.identity.token_for(hospital.did, scope=scope))

    assert "credential_missing" == refusal.value.code


def test_refusals_are_recorded_once_a_minute(world):
    _, faculty, hospital = world.nodes
    world.clock.advance(minutes=2)
    token = faculty.identity.token_for(hospital.did)
    hospital.identity.identify(token)
    before = hospital.ground.journal.read(_count_refusals)

    for _ in range(3):
        refused(hospital, token)

    assert before + 1 == hospital.ground.journal.read(_count_refusals)


def test_whoever_forges_a_members_token_writes_little_of_the_evidence(fresh_world):
    _, faculty, hospital = fresh_world.nodes
    before = hospital.ground.journal.read(_count_refusals)

    for _ in range(30):
        refused(hospital, forged(faculty, "did:web:third"))
        fresh_world.clock.advance(minutes=1)

    assert before + 1 == hospital.ground.journal.read(_count_refusals)
    fresh_world.clock.advance(hours=1)
    refused(hospital, forged(faculty, "did:web:third"))
    assert before + 2 == hospital.ground.journal.read(_count_refusals)


def test_a_stranger_of_many_names_writes_little_of_the_evidence(fresh_world):
    _, faculty, hospital = fresh_world.nodes
    refusals, before = hospital.identity.refusals, hospital.ground.journal.read(_count_refusals)
    problem = PeerRefusedError("No member.", code="credential_missing")

    for name in range(50):
        refusals.note(f"did:web:evil.example:{name}", problem)
    assert before + 10 == hospital.ground.journal.read(_count_refusals)
    refusals.note(faculty.did, problem)
    assert before + 11 == hospital.ground.journal.read(_count_refusals)
    fresh_world.clock.advance(minutes=1)
    refusals.note("did:web:evil.example:again", problem)
    assert before + 12 == hospital.ground.journal.read(_count_refusals)


def _count_refusals(conn) -> int:
    return conn.exec_driver_sql(
        "SELECT count(*) FROM audit_leaf WHERE event = 'peer.refused'"
    ).scalar_one()


def test_what_a_peer_was_refused_for_is_told_in_words(fresh_world):
    _, faculty, hospital = fresh_world.nodes
    with pytest.raises(PeerUnauthenticatedError):
        hospital.identity.authenticate(faculty.identity.token_with(hospital.did))
    with pytest.raises(PeerUnauthenticatedError):
        hospital.identity.identify(faculty.identity.token_with("did:web:third"))

    found = hospital.identity.refusals.list_all(faculty.did)

    assert {"access_token_missing", "audience_mismatch"} == {each.code for each in found}
    assert "The token is for another audience." in {each.words for each in found}
    assert () == hospital.identity.refusals.list_all("did:web:third")
    fresh_world.clock.advance(hours=31 * 24)
    hospital.identity.purge_tokens()
    assert () == hospital.identity.refusals.list_all()


@pytest.mark.parametrize(
    ("claim", "off", "code"),
    [("iat", 31, "token_not_yet_valid"), ("nbf", 31, "token_not_yet_valid"),
     ("exp", -30, "token_expired")],
)  # fmt: skip
def test_a_clock_that_is_too_far_off_is_refused_and_the_operator_is_told(
    fresh_world, claim, off, code
):
    _, faculty, hospital = fresh_world.nodes
    now = int(fresh_world.clock.now().timestamp())
    claims = {"sub": faculty.did, "aud": hospital.did}
    near, far = ({**claims, claim: now + each} for each in (off - off // abs(off), off))

    said = hospital.identity.identify(f"Bearer {faculty.identity.sign(near, seconds=60)}")
    with pytest.raises(PeerUnauthenticatedError) as refusal:
        hospital.identity.identify(f"Bearer {faculty.identity.sign(far, seconds=60)}")

    assert (faculty.did, code) == (said.did, refusal.value.code)
    (told,) = hospital.identity.refusals.list_all(faculty.did)
    assert (code, refusal.value.message) == (told.code, told.words)


def test_nothing_is_recorded_of_strangers_who_prove_nothing(fresh_world):
    _, faculty, hospital = fresh_world.nodes
    claims = {"sub": "did:web:stranger.example", "aud": hospital.did}
    forged = faculty.identity.sign({**claims, "iss": "did:web:stranger.example"}, seconds=60)

    with pytest.raises((PeerUnauthenticatedError, PeerUnreachableError)):
        hospital.identity.identify(f"Bearer {forged}")

    assert () == hospital.identity.refusals.list_all()


def test_credentials_are_shown_to_one_who_asks_for_them_alone(world):
    _, faculty, hospital = world.nodes
    scope = ("org.eclipse.dspace.dcp.vc.type:SeatCredential",)

    speaker, shown = hospital.identity.show(faculty.identity.token_for(hospital.did), scope=scope)

    assert (faculty.did, ["SeatCredential"]) == (speaker.did, [each.type for each in shown])
    with pytest.raises(PeerRefusedError, match="presented no CertificationCredential"):
        hospital.identity.show(
            faculty.identity.token_for(hospital.did),
            scope=("org.eclipse.dspace.dcp.vc.type:CertificationCredential",),
        )


def test_an_unreachable_caller_is_trouble_that_passes(world):
    _, faculty, hospital = world.nodes
    hospital.identity.forget_peer(faculty.did)
    token = faculty.identity.token_for(hospital.did)
    world.wire.down.add("localhost:7401")
    try:
        with pytest.raises(PeerUnreachableError):
            hospital.identity.authenticate(token)
    finally:
        world.wire.down.clear()
    world.clock.advance(seconds=1)

    back = hospital.identity.authenticate(faculty.identity.token_for(hospital.did))

    assert back.did == faculty.did


def test_a_node_outside_every_space_meets_nobody(tmp_path):
    from lib.space_world import Wire, make_node

    wire = Wire()
    first = make_node(tmp_path, wire, 7500, "First", Seat.HK)
    second = make_node(tmp_path, wire, 7501, "Second", Seat.HK)

    with pytest.raises(NoSpaceError):
        first.identity.authenticate(second.identity.token_for(first.did))
    first.ground.close()
    second.ground.close()


def test_a_stranger_to_the_space_is_refused(fresh_world):
    from lib.space_world import make_node

    stranger = make_node(
        fresh_world.nodes[0].ground.home, fresh_world.wire, 7600, "Stranger", Seat.HK,
        fresh_world.clock,
    )  # fmt: skip

    with pytest.raises(PeerRefusedError):
        fresh_world.nodes[1].identity.authenticate(
            stranger.identity.token_for(fresh_world.nodes[1].did)
        )
    stranger.ground.close()


def test_a_changed_key_is_looked_up_again(fresh_world):
    _, faculty, hospital = fresh_world.nodes
    hospital.identity.authenticate(faculty.identity.token_for(hospital.did))
    fresh_world.clock.advance(seconds=11)
    key = ECKey.generate_key("P-256")
    document = faculty.identity.did_document()
    method = {**document["verificationMethod"][0], "id": f"{faculty.did}#new"}
    method["publicKeyJwk"] = key.as_dict(private=False)
    changed = {
        **document,
        "verificationMethod": [*document["verificationMethod"], method],
        "capabilityInvocation": [f"{faculty.did}#new"],
    }
    url = "http://localhost:7401/.well-known/did.json"
    fresh_world.wire.answer(url, changed)

    token = forged(faculty, hospital.did, key=key, kid=f"{faculty.did}#new")

    assert faculty.did == hospital.identity.identify(token).did


def test_nobody_speaks_for_the_authority_with_a_false_document_at_its_address(fresh_world):
    authority, _, hospital = fresh_world.nodes
    key = ECKey.generate_key("P-256")
    document = authority.identity.did_document()
    document["verificationMethod"][0]["publicKeyJwk"] = key.as_dict(private=False)
    fresh_world.wire.answer("http://localhost:7400/.well-known/did.json", document)
    hospital.identity.forget_peer(authority.did)

    with pytest.raises(PeerUnauthenticatedError) as refusal:
        hospital.identity.identify(forged(authority, hospital.did, key=key))

    assert "signature_invalid" == refusal.value.code
    hospital.identity.identify(forged(authority, hospital.did))


def test_a_key_that_lost_its_purpose_is_refused(fresh_world):
    _, faculty, hospital = fresh_world.nodes
    document = {**faculty.identity.did_document(), "capabilityInvocation": []}
    url = "http://localhost:7401/.well-known/did.json"
    hospital.identity.forget_peer(faculty.did)

    fresh_world.wire.answer(url, document)

    token = faculty.identity.token_for(hospital.did)

    assert "key_not_allowed" == refused(hospital, token)


def test_redirected_and_missing_documents_are_refused(world):
    _, faculty, _ = world.nodes
    for status in (302, 404):
        did = f"did:web:localhost%3A{9000 + status}"
        url = f"http://localhost:{9000 + status}/.well-known/did.json"
        world.wire.answer(url, {}, status, location="http://localhost:7400/")

        with pytest.raises(DidInvalidError):
            faculty.identity.resolve_did(did)


def test_a_failed_look_up_is_not_repeated_for_some_seconds(world):
    _, faculty, _ = world.nodes
    did = "did:web:localhost%3A9999"
    before = len(world.wire.calls)

    for _ in range(3):
        with pytest.raises(UnavailableError):
            faculty.identity.resolve_did(did)

    assert before + 1 == len(world.wire.calls)


def test_a_service_that_is_not_there_is_said_so(world):
    _, faculty, hospital = world.nodes

    assert "http://localhost:7402" == faculty.identity.address_of(hospital.did)
    assert faculty.identity.endpoint_of(hospital.did, "DataService").endswith("/dsp/2025-1")
    with pytest.raises(DidInvalidError):
        faculty.identity.endpoint_of(hospital.did, "IssuerService")


def test_a_statement_about_a_person_travels_signed(world):
    _, faculty, hospital = world.nodes
    person = PersonAssertion(f"{faculty.did}#per_1", "Dr Chan", faculty.did, (), "proj_1")

    jwt = faculty.identity.sign_person(person, hospital.did)

    assert person == hospital.identity.verify_person(jwt, faculty.did)


def test_a_node_speaks_for_its_own_people_only(world):
    authority, faculty, hospital = world.nodes
    other = PersonAssertion(f"{faculty.did}#per_1", "Dr Chan", faculty.did, (), "proj_1")
    jwt = faculty.identity.sign_person(other, hospital.did)

    with pytest.raises(CredentialInvalidError):
        hospital.identity.sign_person(other, faculty.did)
    with pytest.raises(CredentialInvalidError):
        hospital.identity.verify_person(jwt, authority.did)
    with pytest.raises(CredentialInvalidError):
        authority.identity.verify_person(jwt, faculty.did)
    lie = PersonAssertion(f"{faculty.did}#per_1", "Dr Chan", hospital.did, (), "proj_1")
    with pytest.raises(CredentialInvalidError):
        faculty.identity.verify_person(
            hospital.identity.sign_person(lie, faculty.did), hospital.did
        )


def test_a_malformed_statement_about_a_person_is_refused(world):
    _, faculty, hospital = world.nodes
    jwt = faculty.identity.sign(
        {"aud": hospital.did, "person": {}}, seconds=60, typ="tidegate-person+jwt"
    )

    with pytest.raises(CredentialInvalidError):
        hospital.identity.verify_person(jwt, faculty.did)


def test_a_revoked_member_is_refused_at_once_although_it_was_met(fresh_world):
    authority, faculty, hospital = fresh_world.nodes
    hospital.identity.authenticate(faculty.identity.token_for(hospital.did))

    authority.joining.revoke(faculty.did, "left the space", by=OPERATOR)
    fresh_world.settle()

    with pytest.raises(PeerRefusedError) as refusal:
        hospital.identity.authenticate(faculty.identity.token_for(hospital.did))
    assert "member_revoked" == refusal.value.code


def test_a_peer_that_missed_the_message_refuses_by_the_status_list(fresh_world):
    authority, faculty, hospital = fresh_world.nodes
    hospital.identity.authenticate(faculty.identity.token_for(hospital.did))
    authority.joining.revoke(faculty.did, "left the space", by=OPERATOR)

    fresh_world.clock.advance(seconds=61)

    with pytest.raises(PeerRefusedError) as refusal:
        hospital.identity.authenticate(faculty.identity.token_for(hospital.did))
    assert "credential_revoked" == refusal.value.code


def test_cut_off_from_the_authority_members_go_on_until_the_credentials_end(fresh_world):
    _, faculty, hospital = fresh_world.nodes
    hospital.identity.authenticate(faculty.identity.token_for(hospital.did))
    fresh_world.wire.down.add("localhost:7400")

    fresh_world.clock.advance(hours=23)
    peer = hospital.identity.authenticate(faculty.identity.token_for(hospital.did))

    assert faculty.did == peer.did
    fresh_world.clock.advance(hours=2)
    with pytest.raises(PeerRefusedError):
        hospital.identity.authenticate(faculty.identity.token_for(hospital.did))
