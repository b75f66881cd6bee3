"""Peer messages: delivered once, from whom they say, or refused in words."""

import json

import pytest

from lib.interleaving import act_after
from lib.space_world import opened_world
from tidegate.access.model import Seat
from tidegate.connector.errors import (
    MessageDeclinedError,
    MessageInvalidError,
    PeerDeclinedError,
    PeerRefusedError,
    PeerUnreachableError,
)
from tidegate.connector.exchange import service
from tidegate.db.outbox import lane_of
from tidegate.kernel.errors import UnavailableError
from tidegate.work.model import delay_before


@pytest.fixture
def world(tmp_path):
    with opened_world(tmp_path, ("Faculty", Seat.HK), ("Hospital", Seat.CN_GBA9)) as opened:
        yield opened


def send(node, to, kind="greeting", **body) -> None:
    with node.ground.journal.write(by="system:test", did="person.added", to="person:per_1") as tx:
        tx.send(to=to.did, kind=kind, body=body)


def task(node) -> dict:
    return next(payload for handler, payload in node.ground.tasks() if handler == "peer.send")


def wire_message(sender, receiver, **changes):
    return {
        "id": "m1", "kind": "greeting", "from": sender.did, "to": receiver.did,
        "at": "2026-03-02T08:00:00.000Z", "body": {"n": 1}, **changes,
    }  # fmt: skip


def test_a_message_arrives_with_its_sender(world):
    _, faculty, hospital = world.nodes
    send(faculty, hospital, text="hello")

    world.settle()

    assert [(faculty.did, {"text": "hello"})] == hospital.received
    assert [] == faculty.ground.tasks()


def test_a_message_delivered_twice_is_taken_in_once(world):
    _, faculty, hospital = world.nodes
    send(faculty, hospital, text="hello")
    payload = task(faculty)

    faculty.exchange.deliver(**payload)
    faculty.exchange.deliver(**payload)

    assert 1 == len(hospital.received)


def test_the_same_id_of_two_senders_is_two_messages(world):
    authority, faculty, hospital = world.nodes
    for sender in (authority, faculty):
        hospital.exchange.receive(
            sender.identity.token_for(hospital.did), wire_message(sender, hospital)
        )

    assert 2 == len(hospital.received)


def test_a_message_whose_receiver_failed_is_taken_in_again(world):
    _, faculty, hospital = world.nodes
    turns = iter([UnavailableError("the disk is full")])

    def receiver(sender, body):
        for problem in turns:
            raise problem
        hospital.received.append((sender, body))

    hospital.exchange._receivers = {"greeting": receiver}
    send(faculty, hospital)
    payload = task(faculty)
    with pytest.raises(PeerUnreachableError):
        faculty.exchange.deliver(**payload)

    faculty.exchange.deliver(**payload)

    assert 1 == len(hospital.received)


def test_an_unreachable_peer_is_worth_trying_again(world):
    _, faculty, hospital = world.nodes
    send(faculty, hospital)
    world.wire.down.add("localhost:7402")

    with pytest.raises(UnavailableError):
        faculty.exchange.deliver(**task(faculty))


def test_a_refusal_names_the_peers_reason(world):
    _, faculty, hospital = world.nodes
    send(faculty, hospital, kind="nonsense")

    with pytest.raises(PeerDeclinedError, match="not taken in here"):
        faculty.exchange.deliver(**task(faculty))


@pytest.mark.parametrize("changes", [{"from": "did:web:other"}, {"to": "did:web:other"}])
def test_nobody_speaks_for_others(world, changes):
    _, faculty, hospital = world.nodes

    with pytest.raises(PeerRefusedError):
        hospital.exchange.receive(
            faculty.identity.token_for(hospital.did), wire_message(faculty, hospital, **changes)
        )
    assert [] == hospital.received


@pytest.mark.parametrize(
    "changes",
    [{"kind": "unknown"}, {"id": ""}, {"id": "x" * 300}, {"body": []}, {"more": 1}, {"kind": 7},
     {"kind": ""}],
)  # fmt: skip
def test_malformed_messages_are_refused(world, changes):
    _, faculty, hospital = world.nodes

    with pytest.raises(MessageInvalidError):
        hospital.exchange.receive(
            faculty.identity.token_for(hospital.did), wire_message(faculty, hospital, **changes)
        )


def test_a_body_that_is_no_object_is_never_sent(world):
    _, faculty, hospital = world.nodes

    with pytest.raises(MessageInvalidError):
        faculty.exchange.deliver(id="m", to=hospital.did, kind="greeting", body=json.dumps([1]))


def test_old_ids_are_forgotten_after_a_month(world):
    _, faculty, hospital = world.nodes
    send(faculty, hospital)
    world.settle()
    assert 0 == hospital.exchange.purge()

    world.clock.advance(days=31)

    assert hospital.exchange.purge() >= 1


def seconds_until_it_arrives(world, sender, receiver, trouble) -> float:
    """Deliver as the work room does, letting its pauses pass; `trouble` acts before each try."""
    began, payload = world.clock.now(), task(sender)
    for attempt in range(14):
        trouble(attempt)
        try:
            sender.exchange.deliver(**payload)
        except (UnavailableError, MessageDeclinedError):
            world.clock.advance(seconds=delay_before(attempt))
        else:
            assert 1 == len(receiver.received)
            return (world.clock.now() - began).total_seconds()
    raise AssertionError("it never arrived")


@pytest.mark.parametrize("lost", ["localhost:7401", "localhost:7402"])
def test_one_lost_look_up_delays_a_message_by_seconds_only(world, lost):
    """Either side may fail to read the other's DID document once; both remember failures."""
    _, faculty, hospital = world.nodes
    for node in (faculty, hospital):
        node.identity.forget_peer(faculty.did)
        node.identity.forget_peer(hospital.did)
    send(faculty, hospital)

    def trouble(attempt):
        once = world.wire.down.add if attempt == 0 else world.wire.down.discard
        once(lost)

    assert seconds_until_it_arrives(world, faculty, hospital, trouble) < 3


def test_a_peer_that_is_not_ready_yet_is_given_a_few_seconds(world):
    _, faculty, hospital = world.nodes
    known = hospital.exchange._receivers
    hospital.exchange._receivers = {"greeting": not_yet}
    send(faculty, hospital)

    def trouble(attempt):
        if attempt == 4:
            hospital.exchange._receivers = known

    assert seconds_until_it_arrives(world, faculty, hospital, trouble) < 5


def not_yet(sender, body):
    raise PeerRefusedError("Who is that?", code="not_a_member")


def test_a_malformed_message_is_not_worth_a_second_try(world):
    _, faculty, hospital = world.nodes
    send(faculty, hospital, kind="nonsense")

    with pytest.raises(PeerDeclinedError) as refusal:
        faculty.exchange.deliver(**task(faculty))

    assert 1 == refusal.value.tries


def test_what_waits_for_a_peer_goes_out_when_the_peer_speaks(world):
    _, faculty, hospital = world.nodes
    revived = []
    faculty.exchange._revive = lambda lane, codes: revived.append(lane)
    faculty.identity.on_peer = faculty.exchange.heard_from
    send(faculty, hospital)
    world.wire.down.add("localhost:7402")
    with pytest.raises(UnavailableError):
        faculty.exchange.deliver(**task(faculty))
    world.wire.down.clear()
    world.clock.advance(seconds=2)

    for _ in range(2):
        faculty.identity.authenticate(hospital.identity.token_for(faculty.did))

    assert [lane_of("peer", hospital.did)] == revived


def test_what_waits_for_a_peer_that_spoke_while_it_could_not_be_reached_is_delivered_when_it_speaks(
    world, monkeypatch
):
    _, faculty, hospital = world.nodes
    revived = []
    faculty.exchange._revive = lambda lane, codes: revived.append(lane)
    send(faculty, hospital)
    world.wire.down.add("localhost:7402")
    act_after(
        monkeypatch, service, "PeerMessage", lambda: faculty.exchange.heard_from(hospital.did)
    )
    with pytest.raises(UnavailableError):
        faculty.exchange.deliver(**task(faculty))
    world.wire.down.clear()
    before = len(revived)

    faculty.exchange.heard_from(hospital.did)

    assert before + 1 == len(revived)
