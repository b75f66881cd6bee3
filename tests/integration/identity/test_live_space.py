"""A space of three real servers: joining, meeting, messages, and a revocation told at once."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib.serving import Served, free_port
from lib.space_world import OPERATOR, make_node
from tidegate.access.model import Seat
from tidegate.connector.errors import PeerRefusedError, PeerUnreachableError
from tidegate.kernel.clock import SystemClock
from tidegate.partners.model import SpaceProfile
from tidegate.work.runner import Runner


class Halting(SystemClock):
    """The clock of the machine, until it is halted: nothing that waits for later happens then."""

    def __init__(self) -> None:
        self._at = None

    def now(self):
        return self._at or super().now()

    def halt(self) -> None:
        self._at = super().now()


CLOCK = Halting()


class Live:
    """One node behind a real server, with its work done in the background."""

    def __init__(self, home, name, seat, role="participant") -> None:
        port = free_port()
        self.node = make_node(home, None, port, name, seat, CLOCK, role=role)
        self.served = Served(self.node.app, port)
        ground = self.node.ground
        self.runner = Runner(ground.journal, ground.clock, self.node.handlers())
        ground.journal.on_tasks = self.runner.wake
        self.runner.start()
        self.served.start()

    def close(self) -> None:
        self.runner.stop()
        self.served.stop()
        self.node.http.close()
        self.node.ground.close()


def wait_until(question, seconds=60.0) -> None:
    begin = time.monotonic()
    while not question():
        assert time.monotonic() - begin < seconds, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    home = tmp_path_factory.mktemp("live")
    lives = [
        Live(home, "Authority", Seat.CN_GBA9, "authority"),
        Live(home, "Faculty", Seat.HK),
        Live(home, "Hospital", Seat.CN_GBA9),
    ]
    nodes = [live.node for live in lives]
    file = nodes[0].joining.create_space("Pearl", SpaceProfile.LOOPBACK, by=OPERATOR)
    for node in nodes[1:]:
        code = nodes[0].joining.invite(node.name, node.identity.node.seat, by=OPERATOR)
        node.joining.join(file, code, by=OPERATOR)
    wait_until(lambda: all(node.joining.status().is_ready for node in nodes))
    wait_until(lambda: all(len(node.space.list_members()) == 3 for node in nodes))
    yield nodes
    for live in lives:
        live.close()


def test_members_meet_and_exchange_a_message(space):
    _, faculty, hospital = space
    with faculty.ground.journal.write(by="system:t", did="person.added", to="person:p") as tx:
        tx.send(to=hospital.did, kind="greeting", body={"text": "你好"})

    wait_until(lambda: hospital.received)

    assert [(faculty.did, {"text": "你好"})] == hospital.received


def test_six_messages_cost_the_calls_of_one_meeting(space, monkeypatch):
    _, faculty, hospital = space
    hospital.identity.forget_peer(faculty.did)
    called, call = [], hospital.http.call

    def counted(method, url, *said, **more):
        called.append(url)
        return call(method, url, *said, **more)

    monkeypatch.setattr(hospital.http, "call", counted)
    there = faculty.identity.endpoint_of(faculty.did, "CredentialService").split("/")[2]
    costs = []
    for _ in range(6):
        hospital.identity.authenticate(faculty.identity.token_for(hospital.did))
        costs.append(sum(url.split("/")[2] == there for url in called))

    assert costs[0] > 0
    assert {costs[0]} == set(costs)


def test_many_callers_at_once_are_all_met(space):
    _, faculty, hospital = space
    hospital.identity.forget_peer(faculty.did)
    tokens = [faculty.identity.token_for(hospital.did) for _ in range(16)]

    with ThreadPoolExecutor(16) as pool:
        met = list(pool.map(lambda token: met_at_last(faculty, hospital, token), tokens))

    assert [faculty.did] * 16 == [peer.did for peer in met]


def test_a_revoked_member_is_refused_before_any_time_has_passed(space):
    authority, faculty, hospital = space
    hospital.identity.authenticate(faculty.identity.token_for(hospital.did))
    CLOCK.halt()  # no list is read again, nothing is tried again: it is told, and at once

    authority.joining.revoke(faculty.did, "left the space", by=OPERATOR)

    wait_until(lambda: is_refused(faculty, hospital))
    assert is_refused(faculty, authority)


def met_at_last(caller, node, token):
    """Call again with a fresh token where the node looks up too many of one host just now."""
    for _ in range(50):
        try:
            return node.identity.authenticate(token)
        except PeerUnreachableError as problem:
            if problem.code != "resolver_busy":
                raise
            time.sleep(0.1)
            token = caller.identity.token_for(node.did)
    raise AssertionError("never met")


def is_refused(caller, node) -> bool:
    try:
        node.identity.authenticate(caller.identity.token_for(node.did))
    except PeerRefusedError:
        return True
    return False
