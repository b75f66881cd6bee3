"""Founding, inviting, joining, following and revoking."""

import pytest

from lib.space_world import OPERATOR, Wire, make_node
from tidegate.access.model import Actor, Role, Seat
from tidegate.connector.errors import PeerAnswerError, PeerDeclinedError, SpaceConflictError
from tidegate.kernel.errors import ForbiddenError
from tidegate.partners.errors import InvitationRefusedError
from tidegate.partners.model import MemberState, SpaceProfile

RESEARCHER = Actor("person:per_r", "R", frozenset({Role.RESEARCHER}))


@pytest.fixture
def newcomer(fresh_world, tmp_path):
    node = make_node(tmp_path / "new", fresh_world.wire, 7800, "New", Seat.HK, fresh_world.clock)
    yield node
    node.ground.close()


def test_everybody_knows_everybody_after_joining(world):
    for node in world.nodes:
        assert {each.did for each in world.nodes} == {
            each.did for each in node.joining.status().members
        }
        assert node.joining.status().is_ready
        assert world.file == node.joining.space_file()


def test_a_code_opens_once(fresh_world, newcomer):
    code = fresh_world.authority.joining.invite("New", Seat.HK, by=OPERATOR)
    newcomer.joining.join(fresh_world.file, code, by=OPERATOR)
    other = make_node(
        newcomer.ground.home, fresh_world.wire, 7801, "Other", Seat.HK, fresh_world.clock
    )

    with pytest.raises(PeerDeclinedError, match="used"):
        other.joining.join(fresh_world.file, code, by=OPERATOR)
    assert "belongs to no space" in other.joining.status().words
    other.ground.close()


def test_joining_again_after_a_lost_answer_is_harmless(fresh_world, newcomer):
    code = fresh_world.authority.joining.invite("New", Seat.HK, by=OPERATOR)
    newcomer.joining.join(fresh_world.file, code, by=OPERATOR)

    status = newcomer.joining.join(fresh_world.file, code, by=OPERATOR)

    assert "not delivered yet" in status.words
    fresh_world.settle()
    assert newcomer.joining.status().is_ready


def test_the_seat_is_the_one_the_authority_verified(fresh_world, newcomer):
    code = fresh_world.authority.joining.invite("New", Seat.MO, by=OPERATOR)

    with pytest.raises(PeerDeclinedError, match="another seat"):
        newcomer.joining.join(fresh_world.file, code, by=OPERATOR)


def test_a_false_authority_at_the_right_address_is_noticed(fresh_world, newcomer):
    file = {**fresh_world.file, "keys": dict(newcomer.joining._trust_keys)}

    with pytest.raises(SpaceConflictError) as refusal:
        newcomer.joining.join(file, "code", by=OPERATOR)

    assert "authority_key_differs" == refusal.value.code


def test_a_space_of_another_profile_is_refused(fresh_world, newcomer):
    with pytest.raises(SpaceConflictError) as refusal:
        newcomer.joining.join({**fresh_world.file, "profile": "tls"}, "code", by=OPERATOR)

    assert "profile_mismatch" == refusal.value.code


def test_a_node_belongs_to_one_space(fresh_world):
    with pytest.raises(SpaceConflictError) as refusal:
        fresh_world.nodes[1].joining.join(
            {**fresh_world.file, "space": "space_other"}, "code", by=OPERATOR
        )

    assert "space_known" == refusal.value.code


def test_the_authority_does_not_join_itself(world):
    with pytest.raises(SpaceConflictError):
        world.authority.joining.join(world.file, "code", by=OPERATOR)


def test_only_an_operator_founds_or_joins(world):
    with pytest.raises(ForbiddenError):
        world.nodes[1].joining.join(world.file, "code", by=RESEARCHER)
    with pytest.raises(ForbiddenError):
        world.authority.joining.create_space("X", SpaceProfile.LOOPBACK, by=RESEARCHER)


def test_a_participant_founds_no_space(tmp_path):
    node = make_node(tmp_path, Wire(), 7900, "Alone", Seat.HK)

    with pytest.raises(SpaceConflictError):
        node.joining.create_space("X", SpaceProfile.LOOPBACK, by=OPERATOR)
    assert 0 == node.joining.sync_members()
    assert not node.wallet.renew()
    node.ground.close()


def test_a_guessed_code_opens_nothing(world):
    _, faculty, _ = world.nodes
    bearer = faculty.identity.token_with(world.authority.did)
    body = {"code": "guess", "name": "X", "seat": "HK", "evidenceKey": "A" * 43}

    with pytest.raises(InvitationRefusedError):
        world.authority.joining.admit(bearer, body)


def test_the_member_list_is_followed(fresh_world):
    authority, faculty, hospital = fresh_world.nodes
    assert 0 == hospital.joining.sync_members()
    authority.joining.revoke(faculty.did, "left", by=OPERATOR)

    assert 1 == hospital.joining.sync_members()

    assert MemberState.REVOKED is hospital.space.get_member(faculty.did).state


def test_without_credentials_the_list_is_not_asked_for(fresh_world):
    fresh_world.clock.advance(hours=25)

    assert 0 == fresh_world.nodes[1].joining.sync_members()


@pytest.mark.parametrize("signed", ["a.b.c", "", None])
def test_a_member_list_that_the_authority_did_not_sign_is_refused(fresh_world, signed):
    faculty = fresh_world.nodes[1]
    fresh_world.wire.answer("http://localhost:7400/space/members", {"members": signed})

    with pytest.raises(PeerAnswerError):
        faculty.joining.sync_members()


def test_the_member_list_of_another_space_is_refused(fresh_world):
    authority, faculty, _ = fresh_world.nodes
    signed = authority.identity.sign(
        {"aud": faculty.did, "space": "space_other", "members": []},
        seconds=60,
        typ="tidegate-members+jwt",
    )
    fresh_world.wire.answer("http://localhost:7400/space/members", {"members": signed})

    with pytest.raises(PeerAnswerError, match="another space"):
        faculty.joining.sync_members()


def test_a_revocation_reaches_every_member_and_each_refuses(fresh_world):
    authority, faculty, hospital = fresh_world.nodes

    authority.joining.revoke(faculty.did, "left", by=OPERATOR)
    fresh_world.settle()

    for node in (authority, hospital):
        assert MemberState.REVOKED is node.space.get_member(faculty.did).state
    with pytest.raises(ForbiddenError):
        hospital.identity.authenticate(faculty.identity.token_for(hospital.did))
