"""Issuance by the authority: who may ask, what is delivered, what is revoked."""

import pytest

from lib.space_world import OPERATOR, make_node
from tidegate.access.model import Seat
from tidegate.connector.errors import (
    MessageInvalidError,
    PeerDeclinedError,
    PeerRefusedError,
    PeerUnauthenticatedError,
    PeerUnreachableError,
    RequestUnknownError,
)
from tidegate.connector.identity import jose
from tidegate.connector.identity.messages import DCP_CONTEXT
from tidegate.connector.identity.status_list import decode_list, is_set

MEMBERSHIP_ID = "urn:tidegate:credential:membership"


def message(*ids, **changes):
    return {
        "@context": [DCP_CONTEXT],
        "type": "CredentialRequestMessage",
        "holderPid": "h",
        "credentials": [{"id": each} for each in ids],
        **changes,
    }


def ask(world, node, body=None) -> str:
    bearer = node.identity.token_with(world.authority.did)
    return world.authority.issuance.request(bearer, body or message(MEMBERSHIP_ID))


def status(world, node, number) -> str:
    bearer = node.identity.token_with(world.authority.did)
    return world.authority.issuance.status(bearer, number)["status"]


def test_the_metadata_names_what_is_issued(world):
    found = world.authority.issuance.metadata()

    older = "vc11-sl2021/jwt"
    assert [("MembershipCredential", older), ("SeatCredential", older)] == [
        (each["credentialType"], each["profile"])
        for each in found["credentialsSupported"]
        if each["profile"] == older
    ]
    assert {"MembershipCredential", "SeatCredential", "CertificationCredential"} == {
        each["credentialType"]
        for each in found["credentialsSupported"]
        if each["profile"] == "vc20-bssl/jwt"
    }
    assert world.authority.did == found["issuer"]
    assert [DCP_CONTEXT] == found["@context"]


def test_the_schema_of_what_is_issued_can_be_read(world):
    found = world.authority.issuance.schema("SeatCredential")

    assert ["id", "seat"] == found["required"]
    with pytest.raises(RequestUnknownError):
        world.authority.issuance.schema("Other")


def test_a_request_is_received_then_issued(world):
    faculty = world.nodes[1]
    number = ask(world, faculty)

    assert "RECEIVED" == status(world, faculty, number)
    with pytest.raises(PeerDeclinedError):
        world.authority.issuance.deliver(number)
    assert "REJECTED" == status(world, faculty, number)


def test_what_was_asked_for_is_delivered(world):
    faculty = world.nodes[1]
    before = {each.id for each in faculty.wallet.list_credentials()}

    faculty.wallet.request_credentials()
    world.settle()

    assert before.isdisjoint({each.id for each in faculty.wallet.list_credentials()})


def test_only_the_asker_sees_where_a_request_stands(world):
    _, faculty, hospital = world.nodes
    number = ask(world, faculty)

    for node, wanted in ((hospital, number), (faculty, "not-exist")):
        with pytest.raises(RequestUnknownError):
            status(world, node, wanted)


@pytest.mark.parametrize(
    "body",
    [message(), message("urn:other"), message(MEMBERSHIP_ID, holderPid=""),
     {**message(MEMBERSHIP_ID), "credentials": None}, message(MEMBERSHIP_ID, holderPid=None), []],
)  # fmt: skip
def test_malformed_requests_are_refused(world, body):
    bearer = world.nodes[1].identity.token_with(world.authority.did)

    with pytest.raises(MessageInvalidError):
        world.authority.issuance.request(bearer, body)


def test_a_request_without_token_is_refused(world):
    with pytest.raises(PeerUnauthenticatedError):
        world.authority.issuance.request(None, message(MEMBERSHIP_ID))


def test_a_stranger_gets_nothing(world, tmp_path):
    stranger = make_node(tmp_path, world.wire, 7700, "Stranger", Seat.HK, world.clock)

    with pytest.raises(PeerRefusedError):
        ask(world, stranger)
    stranger.ground.close()


def test_a_participant_issues_nothing(world):
    _, faculty, hospital = world.nodes

    with pytest.raises(RequestUnknownError):
        faculty.issuance.metadata()
    with pytest.raises(RequestUnknownError):
        faculty.issuance.request(hospital.identity.token_with(faculty.did), message(MEMBERSHIP_ID))
    with pytest.raises(RequestUnknownError):
        faculty.issuance.status_list(0)


def test_a_credential_says_who_may_sign_evidence(world):
    faculty = world.nodes[1]
    held = faculty.ground.journal.read(_jwts)

    member = next(jose.read(each) for each in held if "evidenceKey" in each or _is_member(each))

    assert member.claims["credentialSubject"]["evidenceKey"] == _key(faculty)
    assert "participant" == member.claims["credentialSubject"]["role"]
    assert "vc+jwt" == member.typ


def _jwts(conn):
    return [row[0] for row in conn.exec_driver_sql("SELECT jwt FROM connector_credential")]


def _is_member(jwt) -> bool:
    return "MembershipCredential" in jose.read(jwt).claims["type"]


def _key(node) -> str:
    import base64

    return base64.urlsafe_b64encode(node.ground.keys.evidence_public).rstrip(b"=").decode()


def test_a_delivery_that_failed_is_made_again_with_the_same_credentials(fresh_world):
    authority, faculty, _ = fresh_world.nodes
    faculty.wallet.request_credentials()
    handler, payload = authority.ground.tasks()[0]
    fresh_world.wire.down.add("localhost:7401")
    before = len(authority.issuance.list_issued(faculty.did))

    for _ in range(3):
        with pytest.raises(PeerUnreachableError):
            authority.issuance.deliver(**payload)
        fresh_world.clock.advance(seconds=11)
    fresh_world.wire.down.clear()
    authority.issuance.deliver(**payload)
    authority.issuance.deliver(**payload)

    assert "credentials.deliver" == handler
    assert before + 2 == len(authority.issuance.list_issued(faculty.did))


def test_a_revocation_sets_the_bits_and_no_others(fresh_world):
    authority, faculty, _ = fresh_world.nodes

    authority.joining.revoke(faculty.did, "left", by=OPERATOR)

    listed = jose.read(authority.issuance.status_list(0)).claims["credentialSubject"]
    bits = decode_list(listed["encodedList"])
    places = {each.list_index for each in authority.issuance.list_issued(faculty.did)}
    assert places == {index for index in range(len(bits) * 8) if is_set(bits, index)}


def test_following_a_revocation_again_changes_nothing(fresh_world):
    authority, faculty, hospital = fresh_world.nodes
    authority.joining.revoke(faculty.did, "left", by=OPERATOR)
    before = authority.issuance.list_issued(faculty.did)

    authority.issuance.follow_revocation(faculty.did)
    authority.issuance.follow_revocation(hospital.did)
    faculty.issuance.follow_revocation(faculty.did)

    assert before == authority.issuance.list_issued(faculty.did)
    assert all(each.revoked_at is None for each in authority.issuance.list_issued(hospital.did))


@pytest.mark.parametrize("number", [-1, 1, 10**9])
def test_a_list_that_does_not_exist_is_not_found(world, number):
    with pytest.raises(RequestUnknownError):
        world.authority.issuance.status_list(number)
