"""Certifications: granted by the authority, offered, presented, withdrawn, and never a lock-out."""

import pytest
from sqlalchemy import delete

from lib.space_world import OPERATOR
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Actor
from tidegate.connector.errors import (
    CertificationRefusedError,
    PeerDeclinedError,
    PeerRefusedError,
    RequestUnknownError,
)
from tidegate.db.tables.connector_identity import connector_status_seen

UNTIL = "2026-12-31T00:00:00Z"


def certify(world, node, scheme="iso-27001", until=UNTIL):
    world.authority.certification.grant(node.did, scheme, until, by=OPERATOR)
    for _ in range(3):
        world.settle()


def meet(world):
    _, faculty, hospital = world.nodes
    hospital.identity.forget_peer(faculty.did)
    return hospital.identity.authenticate(faculty.identity.token_for(hospital.did))


def test_a_certified_member_presents_it_to_every_peer(fresh_world):
    assert () == meet(fresh_world).certifications

    certify(fresh_world, fresh_world.nodes[1])
    certify(fresh_world, fresh_world.nodes[1], "gb-t-35273")

    assert ("gb-t-35273", "iso-27001") == meet(fresh_world).certifications


def test_a_withdrawn_certification_is_gone_and_the_member_stays(fresh_world):
    faculty = fresh_world.nodes[1]
    certify(fresh_world, faculty)

    ended = fresh_world.authority.certification.withdraw(
        faculty.did, "iso-27001", "audit failed", by=OPERATOR
    )

    assert 1 == ended
    peer = meet(fresh_world)
    assert ((), "Faculty") == (peer.certifications, peer.name)


def test_what_remains_after_a_withdrawal_is_issued_anew(fresh_world):
    faculty = fresh_world.nodes[1]
    certify(fresh_world, faculty)
    certify(fresh_world, faculty, "gb-t-35273")

    fresh_world.authority.certification.withdraw(faculty.did, "iso-27001", "lapsed", by=OPERATOR)
    for _ in range(3):
        fresh_world.settle()

    assert ("gb-t-35273",) == meet(fresh_world).certifications


def test_a_certification_ends_with_its_certificate(fresh_world):
    certify(fresh_world, fresh_world.nodes[1], until="2026-03-02T09:00:00Z")
    assert ("iso-27001",) == meet(fresh_world).certifications

    fresh_world.clock.advance(hours=2)

    assert () == meet(fresh_world).certifications


def test_the_authority_certifies_itself_too(fresh_world):
    certify(fresh_world, fresh_world.authority)

    held = {each.type for each in fresh_world.authority.wallet.list_credentials()}

    assert "CertificationCredential" in held


def test_a_member_without_certification_is_refused_the_credential(fresh_world):
    faculty = fresh_world.nodes[1]
    faculty.wallet.request_offered("urn:tidegate:credential:certification")

    with pytest.raises(PeerRefusedError, match="no certification"):
        fresh_world.settle()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"scheme": "ISO 27001"}, "scheme_malformed"),
        ({"until": "2026-01-01T00:00:00Z"}, "certification_over"),
        ({"did": "did:web:stranger"}, "not_a_member"),
    ],
)
def test_a_certification_that_cannot_hold_is_refused(world, changes, code):
    given = {"did": world.nodes[1].did, "scheme": "iso-27001", "until": UNTIL, **changes}

    with pytest.raises(CertificationRefusedError) as refusal:
        world.authority.certification.grant(*given.values(), by=OPERATOR)

    assert code == refusal.value.code


def test_only_the_operator_of_the_authority_certifies(world):
    did = world.nodes[1].did

    with pytest.raises(RoleMissingError):
        world.authority.certification.grant(did, "iso-27001", UNTIL, by=Actor("person:x", "x"))
    with pytest.raises(RequestUnknownError):
        world.nodes[1].certification.grant(did, "iso-27001", UNTIL, by=OPERATOR)
    for scheme, reason in (("iso-27001", "x"), ("iso-27001", " ")):
        with pytest.raises(CertificationRefusedError):
            world.authority.certification.withdraw(did, scheme, reason, by=OPERATOR)


def test_an_offer_that_the_member_refuses_is_told(fresh_world):
    faculty = fresh_world.nodes[1]
    fresh_world.wire.answer("http://localhost:7401/dcp/holder/offers", {"message": "no"}, 400)

    with pytest.raises(PeerDeclinedError):
        certify(fresh_world, faculty)

    assert ("iso-27001",) == tuple(
        each.scheme for each in fresh_world.authority.certification.list_all()
    )


def test_nothing_is_offered_to_one_who_holds_nothing(world):
    before = len(world.wire.calls)

    world.authority.certification.offer(world.nodes[2].did)
    world.authority.certification.offer("did:web:stranger")

    assert before == len(world.wire.calls)


def test_what_a_peer_proved_stands_while_it_is_silent_and_a_withdrawal_is_seen(fresh_world):
    _, faculty, hospital = fresh_world.nodes
    assert hospital.identity.standings.find(faculty.did) is None
    certify(fresh_world, faculty)
    meet(fresh_world)

    assert ("iso-27001",) == hospital.identity.standings.find(faculty.did).certifications

    fresh_world.authority.certification.withdraw(faculty.did, "iso-27001", "lapsed", by=OPERATOR)
    fresh_world.clock.advance(seconds=61)
    assert () == hospital.identity.standings.find(faculty.did).certifications
    fresh_world.clock.advance(hours=25)
    assert hospital.identity.standings.find(faculty.did) is None


def test_a_certification_whose_status_cannot_be_known_does_not_count(fresh_world):
    _, faculty, hospital = fresh_world.nodes
    certify(fresh_world, faculty)
    meet(fresh_world)
    hospital.identity.statuses.forget()
    with hospital.ground.journal.upkeep() as tx:
        tx.connection.execute(delete(connector_status_seen))
    fresh_world.wire.down.add("localhost:7400")

    assert () == hospital.identity.standings.find(faculty.did).certifications
