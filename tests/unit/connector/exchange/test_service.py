"""Peer messages: delivered once, from whom they say, or refused in words."""

import json

import pytest

from lib.space_world import opened_world
from tidegate.access.model import Seat
from tidegate.connector.errors import (
    MessageInvalidError,
    PeerDeclinedError,
    PeerRefusedError,
    PeerUnreachableError,
)
from tidegate.kernel.errors import UnavailableError


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
