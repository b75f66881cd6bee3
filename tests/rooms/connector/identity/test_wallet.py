"""The wallet: what is presented to whom, what is taken in from whom, and when it is renewed."""

import pytest

from lib.space_world import OPERATOR
from tidegate.api.dcp import peer_status
from tidegate.connector.errors import (
    CredentialInvalidError,
    DefinitionUnsupportedError,
    MessageInvalidError,
    PeerDeclinedError,
    PeerRefusedError,
    PeerUnauthenticatedError,
    PeerUnreachableError,
)
from tidegate.connector.identity import jose
from tidegate.connector.identity.messages import DCP_CONTEXT
from tidegate.connector.identity.model import (
    MEMBER_SCOPE,
    MEMBERSHIP,
    SCOPE_PREFIX,
    SEAT,
    VC_FORMAT,
)

MEMBER_ONLY = f"{SCOPE_PREFIX}{MEMBERSHIP}:read"


def query(*scopes, **more):
    return {
        "@context": [DCP_CONTEXT], "type": "PresentationQueryMessage", "scope": list(scopes), **more
    }  # fmt: skip


def token(world, scopes=MEMBER_SCOPE):
    """The hospital's own token with an access token that the faculty gave it."""
    _, faculty, hospital = world.nodes
    given = faculty.identity.access_tokens.make(hospital.did, scopes, world.clock.now())
    return hospital.identity.token_with(faculty.did, given)


def types_of(answer) -> set[str]:
    found = set()
    for text in answer["presentation"]:
        for jwt in jose.read(text).claims["vp"]["verifiableCredential"]:
            found |= set(jose.read(jwt).claims["type"])
    return found - {"VerifiableCredential"}


def delivery(holder_pid, *jwts, **changes):
    return {
        "@context": [DCP_CONTEXT],
        "type": "CredentialMessage",
        "issuerPid": "i",
        "holderPid": holder_pid,
        "status": "ISSUED",
        "credentials": [
            {"credentialType": MEMBERSHIP, "format": VC_FORMAT, "payload": jwt} for jwt in jwts
        ],
        **changes,
    }


def asked(node) -> str:
    """Let the node ask, and return the id it asked under."""
    return node.wallet.request_credentials()


def issued_to(world, node) -> str:
    authority = world.authority
    request = authority.issuance._journal.read(_last_request, node.did)
    issued = next(
        each for each in authority.issuance.list_issued(node.did) if each.type == MEMBERSHIP
    )
    assert request
    return authority.issuance._sign(issued, authority.space.get_member(node.did))


def _last_request(conn, holder):
    return conn.exec_driver_sql(
        "SELECT id FROM connector_request WHERE holder = ?", (holder,)
    ).first()


def test_what_was_granted_is_presented_to_the_one_it_was_granted_to(world):
    faculty = world.nodes[1]

    answer = faculty.wallet.answer_query(token(world), query(*MEMBER_SCOPE))

    assert {"MembershipCredential", "SeatCredential"} == types_of(answer)
    assert world.nodes[2].did == jose.read(answer["presentation"][0]).claims["aud"]


def test_asking_for_less_gets_less(world):
    answer = world.nodes[1].wallet.answer_query(token(world), query(MEMBER_ONLY))

    assert {MEMBERSHIP} == types_of(answer)


def test_asking_for_more_than_was_granted_gets_the_granted_part(world):
    answer = world.nodes[1].wallet.answer_query(token(world, (MEMBER_ONLY,)), query(*MEMBER_SCOPE))

    assert {MEMBERSHIP} == types_of(answer)


def test_what_is_not_held_is_not_presented(world):
    answer = world.nodes[1].wallet.answer_query(token(world), query(f"{SCOPE_PREFIX}Other:read"))

    assert not answer["presentation"]


@pytest.mark.parametrize(
    "body",
    [query(), {**query(MEMBER_ONLY), "scope": None}, query(MEMBER_ONLY, presentationDefinition={}),
     {**query(), "scope": None, "presentationDefinition": None}, query(presentationDefinition={}),
     query(MEMBER_ONLY, "org.example:everything"), query("*"),
     {"type": "PresentationQueryMessage", "scope": [MEMBER_ONLY], "@context": ["x"]},
     {**query(MEMBER_ONLY), "type": "Other"}, [], None, {**query(), "presentationDefinition": {}}],
)  # fmt: skip
def test_malformed_queries_are_refused(world, body):
    with pytest.raises(MessageInvalidError):
        world.nodes[1].wallet.answer_query(token(world), body)


def test_an_access_token_in_other_hands_opens_nothing(world):
    authority, faculty, hospital = world.nodes
    given = faculty.identity.access_tokens.make(hospital.did, MEMBER_SCOPE, world.clock.now())
    stolen = authority.identity.token_with(faculty.did, given)

    with pytest.raises(PeerUnauthenticatedError):
        faculty.wallet.answer_query(stolen, query(MEMBER_ONLY))


@pytest.mark.parametrize("access", ["", "faketoken"])
def test_without_our_access_token_nothing_is_presented(world, access):
    _, faculty, hospital = world.nodes

    with pytest.raises(PeerUnauthenticatedError):
        faculty.wallet.answer_query(
            hospital.identity.token_with(faculty.did, access), query(MEMBER_ONLY)
        )


def test_only_the_authority_delivers_credentials(world):
    _, faculty, hospital = world.nodes
    bearer = hospital.identity.token_with(faculty.did)

    with pytest.raises(PeerRefusedError):
        faculty.wallet.receive_credentials(bearer, delivery("x", issued_to(world, faculty)))


def test_only_what_was_asked_for_is_taken_in(world):
    authority, faculty, _ = world.nodes

    with pytest.raises(PeerRefusedError) as refusal:
        faculty.wallet.receive_credentials(
            authority.identity.token_with(faculty.did), delivery("unknown")
        )

    assert "holder_pid_unknown" == refusal.value.code


def test_a_credential_of_somebody_else_is_not_taken_in(world):
    authority, faculty, hospital = world.nodes
    message = delivery(asked(faculty), issued_to(world, hospital))

    with pytest.raises(CredentialInvalidError) as refusal:
        faculty.wallet.receive_credentials(authority.identity.token_with(faculty.did), message)

    assert "holder_mismatch" == refusal.value.code


@pytest.mark.parametrize(
    "changes",
    [{"status": "PERHAPS"}, {"credentials": []}, {"credentials": "x"}, {"holderPid": None}],
)
def test_malformed_deliveries_are_refused(world, changes):
    authority, faculty, _ = world.nodes
    message = delivery(asked(faculty), issued_to(world, faculty), **changes)

    with pytest.raises(MessageInvalidError):
        faculty.wallet.receive_credentials(authority.identity.token_with(faculty.did), message)


def test_a_credential_announced_as_another_type_is_refused(world):
    authority, faculty, _ = world.nodes
    message = delivery(asked(faculty), issued_to(world, faculty))
    message["credentials"][0]["credentialType"] = "SeatCredential"

    with pytest.raises(CredentialInvalidError):
        faculty.wallet.receive_credentials(authority.identity.token_with(faculty.did), message)


def test_a_refusal_of_the_authority_is_told_to_the_operator(fresh_world):
    authority, faculty, _ = fresh_world.nodes
    fresh_world.clock.advance(hours=25)
    message = delivery(asked(faculty), status="REJECTED", rejectionReason="papers missing")

    faculty.wallet.receive_credentials(authority.identity.token_with(faculty.did), message)

    assert "papers missing" in faculty.joining.status().words
    assert not faculty.wallet.has_membership()


OFFERED = "urn:tidegate:credential:seat"


def offer(world, *ids, **changes):
    return {
        "@context": [DCP_CONTEXT], "type": "CredentialOfferMessage", "issuer": world.authority.did,
        "credentials": [{"id": each} for each in ids], **changes,
    }  # fmt: skip


def test_what_the_authority_offers_is_asked_for_and_taken_in(fresh_world):
    authority, faculty, _ = fresh_world.nodes
    before = {each.type: each.id for each in faculty.wallet.list_credentials()}

    faculty.wallet.receive_offer(
        authority.identity.token_with(faculty.did), offer(fresh_world, OFFERED)
    )
    faculty.run_tasks()
    fresh_world.settle()

    after = {each.type: each.id for each in faculty.wallet.list_credentials()}
    assert before["SeatCredential"] != after["SeatCredential"]
    assert before["MembershipCredential"] == after["MembershipCredential"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"credentials": []}, "message_invalid"),
        ({"credentials": [{"id": ""}]}, "message_invalid"),
        ({"credentials": [{"type": "CredentialObject"}]}, "message_invalid"),
        ({"issuer": None}, "message_invalid"),
        ({"issuer": "did:web:third"}, "issuer_untrusted"),
        ({"credentials": [{"id": "7c3f9a0e-0000"}]}, "credential_not_offered"),
    ],
)  # fmt: skip
def test_an_offer_that_is_malformed_or_unknown_to_the_metadata_is_refused(world, changes, code):
    authority, faculty, _ = world.nodes
    body = offer(world, OFFERED, **changes)

    with pytest.raises((MessageInvalidError, PeerRefusedError)) as refusal:
        faculty.wallet.receive_offer(authority.identity.token_with(faculty.did), body)

    assert code == refusal.value.code


def test_an_offer_of_somebody_else_is_refused(world):
    _, faculty, hospital = world.nodes

    with pytest.raises(PeerRefusedError, match="Only the authority"):
        faculty.wallet.receive_offer(
            hospital.identity.token_with(faculty.did), offer(world, OFFERED, issuer=hospital.did)
        )


def test_a_presentation_definition_is_told_to_be_unsupported(world):
    faculty = world.nodes[1]
    body = {**query(), "presentationDefinition": {"id": "x", "input_descriptors": []}}

    with pytest.raises(DefinitionUnsupportedError):
        faculty.wallet.answer_query(token(world), body)

    assert 501 == peer_status(DefinitionUnsupportedError("x"))


def test_one_credential_can_be_asked_for_by_its_id(world):
    faculty = world.nodes[1]
    seat = next(each for each in faculty.wallet.list_credentials() if each.type == SEAT)
    by_id = f"org.eclipse.dspace.dcp.vc.id:{seat.id}"

    granted_all = faculty.wallet.answer_query(token(world), query(by_id))
    granted_one = faculty.wallet.answer_query(token(world, (by_id,)), query(*MEMBER_SCOPE))
    granted_other = faculty.wallet.answer_query(token(world, (MEMBER_ONLY,)), query(by_id))

    assert {SEAT} == types_of(granted_all) == types_of(granted_one)
    assert not granted_other["presentation"]


def test_credentials_are_renewed_when_half_their_life_is_over(fresh_world):
    _, faculty, _ = fresh_world.nodes
    before = {each.id for each in faculty.wallet.list_credentials()}
    assert not faculty.wallet.renew()

    fresh_world.clock.advance(hours=12)
    assert faculty.wallet.renew()
    assert not faculty.wallet.renew()
    fresh_world.settle()

    after = {each.id for each in faculty.wallet.list_credentials()}
    assert 2 == len(after)
    assert before.isdisjoint(after)
    assert faculty.wallet.has_membership()


def test_the_authority_renews_its_own(fresh_world):
    authority = fresh_world.authority
    fresh_world.clock.advance(hours=25)
    assert not authority.wallet.has_membership()

    assert authority.wallet.renew()

    assert authority.wallet.has_membership()


def test_a_revoked_member_gets_no_new_credentials(fresh_world):
    authority, faculty, _ = fresh_world.nodes
    authority.joining.revoke(faculty.did, "left", by=OPERATOR)
    fresh_world.clock.advance(seconds=1)

    with pytest.raises(PeerDeclinedError, match="members of the space only"):
        faculty.wallet.request_credentials()

    fresh_world.clock.advance(hours=25)
    assert "refuses" in faculty.joining.status().words


def test_an_unreachable_authority_is_asked_again_later(fresh_world):
    _, faculty, _ = fresh_world.nodes
    fresh_world.clock.advance(hours=13)
    fresh_world.wire.down.add("localhost:7400")

    with pytest.raises(PeerUnreachableError):
        faculty.wallet.renew()

    assert faculty.wallet.has_membership()


def test_memberships_at_hand_are_our_own_and_those_of_peers_met(fresh_world):
    _, faculty, hospital = fresh_world.nodes
    hospital.identity.authenticate(faculty.identity.token_for(hospital.did))

    subjects = [jose.read(jwt).claims["sub"] for jwt in hospital.wallet.membership_jwts()]

    assert hospital.did == subjects[0]
    assert {faculty.did} <= set(subjects[1:])
