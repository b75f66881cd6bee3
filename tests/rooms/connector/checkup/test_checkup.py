"""What a checkup says of peers that cannot be reached or trusted; one failure at a time."""

from dataclasses import replace

import pytest

from lib.space_world import OPERATOR, make_world
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Actor, Role, Seat
from tidegate.connector.checkup.desk import Tools
from tidegate.connector.checkup.exam import CHECKS
from tidegate.connector.checkup.model import Result, Said, Step
from tidegate.connector.checkup.probe import Knock
from tidegate.connector.checkup.service import CheckupService
from tidegate.connector.checkup.words import finding, words
from tidegate.connector.errors import PeerUnauthenticatedError
from tidegate.connector.http.model import HttpSettings
from tidegate.connector.messages.model import Side
from tidegate.connector.progress.model import Kind, Obstacle, Process, Standing, Trouble
from tidegate.work.model import Task, TaskState

ANOTHER = "did:web:node.example.org"


@pytest.fixture
def world(tmp_path):
    world = make_world(tmp_path, ("Faculty", Seat.HK), ("Hospital", Seat.CN_GBA9))
    yield world
    world.close()


def tools_of(node, **changes):
    tools = Tools(
        did=node.identity.node.did,
        base=node.identity.node.base_url,
        clock=node.ground.clock,
        http=node.http,
        settings=HttpSettings(loopback=True),
        identity=node.identity,
        wallet=node.wallet,
        space=node.space,
        stuck=tuple,
        parked=tuple,
        resolve=lambda _host, _port: ("127.0.0.1",),
        knock=lambda *_where, **_how: Knock(),
    )
    return replace(tools, **changes)


def examined(node, did, *, is_served=True, **changes):
    checkup = CheckupService(tools_of(node, **changes)).examine(
        did, by=OPERATOR, is_served=is_served
    )
    return {one.step: one for one in checkup.findings}


def outcome(found, step):
    return found[step].result.value, found[step].code


def met(world):
    """Let the hospital call the faculty, so that it presents its credentials."""
    _, faculty, hospital = world.nodes
    faculty.identity.authenticate(hospital.identity.token_for(faculty.identity.node.did))
    return faculty, hospital.identity.node.did


def test_every_step_is_told_once_in_order_with_words_in_every_language(world):
    faculty, hospital = met(world)

    found = examined(faculty, hospital)

    assert list(Step) == list(found)
    for one in found.values():
        assert all("{" not in text and text for _, text in one.said.every())
        assert 3 == len(one.said.every())


def test_a_peer_that_called_us_shows_its_credentials(world):
    faculty, hospital = met(world)

    found = examined(faculty, hospital)

    assert ("ok", "ok") == outcome(found, Step.MEMBER)
    assert ("ok", "ok") == outcome(found, Step.CREDENTIAL)
    assert ("ok", "ok") == outcome(found, Step.SEAT)
    assert ("skipped", "none") == outcome(found, Step.CERTIFICATION)
    assert ("ok", "ok") == outcome(found, Step.OWN)


def test_a_peer_that_never_called_is_no_failure(world):
    _, faculty, hospital = world.nodes

    found = examined(faculty, hospital.identity.node.did)

    assert ("skipped", "never") == outcome(found, Step.CREDENTIAL)
    assert ("skipped", "never") == outcome(found, Step.CERTIFICATION)


def test_an_expired_presentation_is_no_failure(world):
    faculty, hospital = met(world)
    world.clock.advance(hours=30)

    assert ("skipped", "old") == outcome(examined(faculty, hospital), Step.CREDENTIAL)


def test_a_revoked_credential_fails_with_what_to_do(world):
    faculty, hospital = met(world)
    world.authority.joining.revoke(hospital, "left the alliance", by=OPERATOR)

    found = examined(faculty, hospital)

    assert ("failed", "bad") == outcome(found, Step.CREDENTIAL)
    assert "revoked" in found[Step.CREDENTIAL].said.en
    assert found[Step.CREDENTIAL].advice.zh_hant


def test_a_revoked_member_fails_with_the_reason_and_nothing_after_it_is_examined(world):
    faculty, hospital = met(world)
    world.authority.joining.revoke(hospital, "left the alliance", by=OPERATOR)
    world.settle()

    found = examined(faculty, hospital)

    assert ("failed", "revoked") == outcome(found, Step.MEMBER)
    assert "left the alliance" in found[Step.MEMBER].said.en
    assert ("skipped", "not_examined") == outcome(found, Step.CREDENTIAL)


def test_a_stranger_is_no_member(world):
    assert ("failed", "unknown") == outcome(examined(world.nodes[1], ANOTHER), Step.MEMBER)


def test_a_seat_that_differs_from_the_list_fails(world):
    faculty, hospital = met(world)
    listed = replace(faculty.space.find_member(hospital), seat=Seat.MO)
    shown = type("Space", (), {
        "find_space": faculty.space.find_space, "find_member": staticmethod(lambda _did: listed),
    })()  # fmt: skip

    found = examined(faculty, hospital, space=shown)

    assert ("failed", "differs") == outcome(found, Step.SEAT)
    assert "CN-GBA9" in found[Step.SEAT].said.en


@pytest.mark.parametrize("did", ["", "faculty", "did:key:z6Mk", "did:web:", "did:web:a b"])
def test_a_malformed_did_stops_at_the_first_step(world, did):
    found = examined(world.nodes[1], did)

    assert ("failed", "malformed") == outcome(found, Step.DID)
    assert ("skipped", "not_examined") == outcome(found, Step.NAME)


def test_our_own_did_is_sent_to_the_other_doctor(world):
    faculty = world.nodes[1]

    assert ("failed", "own") == outcome(examined(faculty, faculty.identity.node.did), Step.DID)


def test_a_name_without_an_address_fails(world):
    def nobody(_host, _port):
        raise OSError(-2, "Name or service not known")

    found = examined(world.nodes[1], ANOTHER, resolve=nobody)

    assert ("failed", "unresolved") == outcome(found, Step.NAME)
    assert "node.example.org" in found[Step.NAME].said.en


def test_an_address_inside_the_network_fails_by_the_rule(world):
    found = examined(world.nodes[1], ANOTHER, resolve=lambda _h, _p: ("169.254.169.254",))

    assert ("failed", "inside") == outcome(found, Step.NAME)


@pytest.mark.parametrize("code", ["certificate", "no_tls", "refused", "timeout", "unreachable"])
def test_a_door_that_stays_shut_fails_by_its_reason(world, code):
    found = examined(world.nodes[1], ANOTHER, knock=lambda *_a, **_k: Knock(code, "why"))

    assert ("failed", code) == outcome(found, Step.CONNECTION)
    assert found[Step.CONNECTION].advice.en
    assert ("skipped", "not_examined") == outcome(found, Step.CALL)


def test_a_certificate_that_holds_says_until_when(world):
    until = "2027-01-01T00:00:00.000Z"

    found = examined(world.nodes[1], ANOTHER, knock=lambda *_a, **_k: Knock(until=until))

    assert until in found[Step.CONNECTION].said.en


def test_a_node_that_is_not_served_cannot_be_called_back(world):
    faculty, hospital = met(world)

    found = examined(faculty, hospital, is_served=False)

    assert ("failed", "not_served") == outcome(found, Step.CALL)


def test_refusals_of_the_last_day_are_told_in_words(world):
    faculty, hospital = met(world)
    for code, words_ in (("token_expired", "Too old."), ("token_replayed", "Used before.")):
        world.clock.advance(seconds=1)
        faculty.identity.refusals.note(hospital, PeerUnauthenticatedError(words_, code=code))

    found = examined(faculty, hospital)
    assert ("failed", "some") == outcome(found, Step.REFUSALS)
    assert "Used before." in found[Step.REFUSALS].said.en

    world.clock.advance(hours=25)
    assert ("ok", "ok") == outcome(examined(faculty, hospital), Step.REFUSALS)


def test_what_is_stuck_with_this_peer_fails_and_what_waits_here_does_not(world):
    faculty, hospital = met(world)
    at = "2026-03-02T08:00:00.000Z"
    process = Process(Kind.NEGOTIATION, "urn:1", Side.CONSUMER, hospital, "REQUESTED", False, at)

    def standing(trouble):
        return lambda: (Standing(process, (Obstacle(trouble, at, "No answer."),)),)

    stuck = examined(faculty, hospital, stuck=standing(Trouble.FAILING))
    waits = examined(faculty, hospital, stuck=standing(Trouble.PERSON))

    assert ("failed", "stuck") == outcome(stuck, Step.MESSAGES)
    assert "No answer." in stuck[Step.MESSAGES].said.en
    assert ("ok", "ok") == outcome(waits, Step.MESSAGES)


def test_a_parked_message_to_this_peer_fails(world):
    faculty, hospital = met(world)
    task = Task(
        1, "peer.send", "", {"to": hospital}, TaskState.PARKED, 14, "", "", "declined", "Refused."
    )

    found = examined(faculty, hospital, parked=lambda: (task,))

    assert "Refused." in found[Step.MESSAGES].said.en


def test_only_operators_and_auditors_examine(world):
    service = CheckupService(tools_of(world.nodes[1]))
    steward = Actor("person:1", "S", frozenset({Role.STEWARD}))

    with pytest.raises(RoleMissingError):
        service.examine(ANOTHER, by=steward)
    assert not service.examine(
        ANOTHER, by=Actor("person:2", "O", frozenset({Role.OPERATOR}))
    ).is_well


def test_every_end_of_every_step_has_words_and_every_failure_advice():
    table = words()

    for step in Step:
        for code, told in table[step.value].items():
            if code == "name":
                continue
            assert 3 == len(told["said"])
            made = finding(step, Said(Result.FAILED, code))
            assert made.said.zh_hans
    assert [step for step, _, _ in CHECKS] == list(Step)
