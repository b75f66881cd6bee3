"""Who belongs to a space, by whose word, and how a revocation spreads."""

import pytest

from lib import partners_world as story
from lib.partners_world import AUTHORITY, FACULTY, HOSPITAL, OPERATOR, RESEARCHER
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Seat, system_actor
from tidegate.kernel.errors import InvalidError
from tidegate.partners.errors import (
    InvitationRefusedError,
    MemberKnownError,
    MemberNotFoundError,
    MemberRevokedError,
    NotAuthorityError,
    SpaceKnownError,
    SpaceMissingError,
)
from tidegate.partners.model import MemberRole, MemberState, SpaceProfile
from tidegate.partners.records import MessageInvalidError, to_plain
from tidegate.partners.space import store
from tidegate.partners.space.service import space_document

NEWCOMER = "did:web:new.example.org"


@pytest.fixture
def world(tmp_path):
    world = story.staged(tmp_path, story.found_space)
    yield world
    world.close()


@pytest.fixture
def authority(world):
    return world.authority.space


@pytest.fixture
def member(world):
    return world.hospital.space


def admit(world, code, did=NEWCOMER, seat=Seat.HK, **changes):
    given = {"name": "New Clinic", "evidence_public": world.faculty.evidence_public, **changes}
    return world.authority.space.admit(code, did=did, seat=seat, **given)


def invite(authority, seat=Seat.HK):
    return authority.invite("New Clinic", seat, by=OPERATOR)


def test_all_know_each_other_after_joining(world):
    for house in world.houses.values():
        known = {one.did: one.state for one in house.space.list_members()}
        assert {who.did: MemberState.ACTIVE for who in (AUTHORITY, FACULTY, HOSPITAL)} == known


def test_the_authority_is_its_own_first_member(authority):
    assert MemberRole.AUTHORITY is authority.get_member(AUTHORITY.did).role


def test_a_node_without_a_space_says_so(tmp_path):
    world = story.build_world(tmp_path)

    with pytest.raises(SpaceMissingError):
        world.faculty.space.get_space()
    with pytest.raises(SpaceMissingError):
        world.faculty.space.receive_member_revoked(AUTHORITY.did, {})

    world.close()


def test_founding_needs_an_operator_and_a_name(world, authority):
    space = authority.get_space()

    with pytest.raises(RoleMissingError):
        authority.create_space(space, AUTHORITY, world.authority.evidence_public, by=RESEARCHER)
    with pytest.raises(InvalidError):
        authority.new_space(" ", SpaceProfile.TLS)


def test_a_node_belongs_to_one_space(world, authority):
    other = authority.new_space("Other", SpaceProfile.LOOPBACK)

    with pytest.raises(SpaceKnownError):
        world.hospital.space.remember_space(space_document(other), by=OPERATOR)


def test_remembering_the_same_space_again_is_harmless(authority, member):
    space = member.remember_space(space_document(authority.get_space()), by=system_actor("cli"))

    assert authority.get_space() == space


@pytest.mark.parametrize("document", [{}, {"space": 1}, {"profile": "carrier pigeon"}])
def test_a_file_that_is_no_space_json_is_refused(member, document):
    with pytest.raises(MessageInvalidError):
        member.remember_space(document, by=OPERATOR)


# Admitting


def test_a_code_admits_one_institution(world, authority):
    admitted = admit(world, invite(authority))
    world.houses[NEWCOMER] = world.faculty

    assert admitted == authority.get_member(NEWCOMER)
    assert "New Clinic" == admitted.as_participant().name
    assert authority.is_active(NEWCOMER)


def test_members_learn_of_a_newcomer(world, authority, member):
    admit(world, invite(authority))
    world.deliver()

    assert member.is_active(NEWCOMER)


def test_the_answer_to_a_repeated_code_is_the_same(world, authority):
    code = invite(authority)

    assert admit(world, code) == admit(world, code)


def test_a_used_code_admits_nobody_else(world, authority):
    code = invite(authority)
    admit(world, code)

    with pytest.raises(InvitationRefusedError):
        admit(world, code, did="did:web:eve.example.org")


def test_a_code_used_twice_at_once_works_once(world, authority):
    admit(world, invite(authority))
    used = authority.list_invitations(by=OPERATOR)[-1]

    with (
        pytest.raises(InvitationRefusedError),
        authority.journal.write(by="x", did="member.admitted", to="member:x") as tx,
    ):
        store.use_invitation(tx.connection, used, tx.at)


def test_a_code_ends_after_two_weeks(world, authority):
    code = invite(authority)
    world.clock.advance(days=14)

    with pytest.raises(InvitationRefusedError):
        admit(world, code)


def test_an_unknown_code_is_refused(world):
    with pytest.raises(InvitationRefusedError):
        admit(world, "guess")


def test_the_seat_is_the_authoritys_to_say(world, authority):
    with pytest.raises(InvitationRefusedError) as refused:
        admit(world, invite(authority), seat=Seat.CN_GBA9)

    assert "invitation_seat_differs" == refused.value.code


def test_a_member_is_not_admitted_twice(world, authority):
    with pytest.raises(MemberKnownError):
        admit(world, invite(authority), did=FACULTY.did)


@pytest.mark.parametrize(
    "changes", [{"did": "web:x"}, {"evidence_public": "AAAA"}, {"evidence_public": "é!"}]
)
def test_a_malformed_newcomer_is_refused(world, authority, changes):
    with pytest.raises(InvalidError):
        admit(world, invite(authority), **changes)


def test_only_the_authority_invites(member):
    with pytest.raises(NotAuthorityError):
        member.invite("Friend", Seat.HK, by=OPERATOR)


def test_only_an_operator_invites(authority):
    with pytest.raises(RoleMissingError):
        authority.invite("Friend", Seat.HK, by=RESEARCHER)
    with pytest.raises(InvalidError):
        authority.invite(" ", Seat.HK, by=OPERATOR)


def test_invitations_are_listed_without_their_codes(authority):
    code = invite(authority)

    assert code not in str(authority.list_invitations(by=OPERATOR))
    assert 3 == len(authority.list_invitations(by=OPERATOR))


# Revoking


def test_a_revocation_reaches_every_other_member(world, authority, member):
    authority.revoke_member(FACULTY.did, "breach", by=OPERATOR)
    world.deliver()

    assert not authority.is_active(FACULTY.did)
    assert not member.is_active(FACULTY.did)
    assert "breach" == member.get_member(FACULTY.did).revoked_reason
    assert world.faculty.space.is_active(FACULTY.did)


def test_a_revocation_is_final(world, authority, member):
    before = authority.list_members()
    authority.revoke_member(FACULTY.did, "breach", by=OPERATOR)
    world.deliver()

    assert 0 == member.put_members(before, sender=AUTHORITY.did)
    assert not member.is_active(FACULTY.did)
    with pytest.raises(MemberRevokedError):
        authority.revoke_member(FACULTY.did, "breach", by=OPERATOR)
    with pytest.raises(MemberKnownError):
        admit(world, invite(authority), did=FACULTY.did)


def test_a_revocation_comes_with_the_list_too(authority, member):
    authority.revoke_member(FACULTY.did, "breach", by=OPERATOR)

    assert 1 == member.put_members(map(to_plain, authority.list_members()), sender=AUTHORITY.did)
    assert not member.is_active(FACULTY.did)


def test_a_revocation_needs_a_reason_and_another(authority):
    with pytest.raises(InvalidError):
        authority.revoke_member(FACULTY.did, " ", by=OPERATOR)
    with pytest.raises(InvalidError):
        authority.revoke_member(AUTHORITY.did, "tired", by=OPERATOR)
    with pytest.raises(MemberNotFoundError):
        authority.revoke_member(NEWCOMER, "breach", by=OPERATOR)


def test_a_member_cannot_speak_for_the_authority(world, authority, member):
    message = {"did": FACULTY.did, "reason": "rivalry", "revoked_at": "2026-03-02T08:00:00.000Z"}

    with pytest.raises(NotAuthorityError):
        member.receive_member_revoked(FACULTY.did, message)
    with pytest.raises(NotAuthorityError):
        member.put_members(authority.list_members(), sender=FACULTY.did)
    with pytest.raises(NotAuthorityError):
        member.revoke_member(FACULTY.did, "rivalry", by=OPERATOR)


def test_a_revocation_of_a_stranger_changes_nothing(member):
    before = member.list_members()

    message = {"did": NEWCOMER, "reason": "breach", "revoked_at": "2026-03-02T08:00:00.000Z"}
    member.receive_member_revoked(AUTHORITY.did, message)

    assert before == member.list_members()
    assert member.find_member(NEWCOMER) is None


def test_a_member_whose_key_and_fingerprint_differ_is_refused(world, authority, member):
    plain = to_plain(authority.get_member(FACULTY.did))

    with pytest.raises(MessageInvalidError):
        member.put_members(
            ({**plain, "evidence_public": world.hospital.evidence_public},), sender=AUTHORITY.did
        )


@pytest.mark.parametrize("change", [{"extra": 1}, {"seat": "moon"}, {"name": 1}])
def test_a_message_that_does_not_fit_is_refused(authority, member, change):
    plain = to_plain(authority.get_member(FACULTY.did))

    with pytest.raises(MessageInvalidError):
        member.receive_member_admitted(AUTHORITY.did, {**plain, **change})
