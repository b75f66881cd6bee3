"""Kept connections: one call holds one at a time, dead ones cost a question nothing."""

import threading

import httpcore
import pytest

from tidegate.connector.errors import PeerUnreachableError
from tidegate.connector.http.model import HttpSettings
from tidegate.connector.http.pool import Shelf
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.http.transport import Deadline, GuardedBackend, GuardedTransport

HERE = httpcore.Origin(b"https", b"node.example.org", 443)
THERE = httpcore.Origin(b"https", b"other.example.org", 443)
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
URL = "http://127.0.0.1:9/x"


class Line:
    """What the shelf asks of a connection."""

    def __init__(self, origin) -> None:
        self.origin, self.is_whole, self.is_dead, self.closed = origin, True, False, 0

    def is_available(self) -> bool:
        return self.is_whole

    def has_expired(self) -> bool:
        return self.is_dead

    def close(self) -> None:
        self.closed += 1


class Hours:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def shelf(most=4):
    hours = Hours()
    return Shelf(Line, most=most, idle_seconds=4.0, monotonic=hours), hours


def test_a_connection_is_used_again_and_never_by_two_calls():
    kept, _ = shelf()
    first = kept.take(HERE, 1)

    second = kept.take(HERE, 1)
    kept.give_back(first)
    third = kept.take(HERE, 1)

    assert second.connection is not first.connection
    assert third.connection is first.connection
    assert (False, True) == (first.is_used, third.is_used)


def test_connections_of_another_origin_broken_dead_or_old_ones_are_not_used():
    kept, hours = shelf()
    made = [kept.take(HERE, 1) for _ in range(3)]
    made[0].connection.is_whole = False
    for one in made:
        kept.give_back(one)
    made[1].connection.is_dead = True
    elsewhere = kept.take(THERE, 1)
    kept.give_back(elsewhere)
    hours.now = 4.0

    fresh = kept.take(HERE, 1)

    assert fresh.connection not in [one.connection for one in made]
    assert [1, 1, 1, 1] == [one.connection.closed for one in (*made, elsewhere)]


def test_a_dead_connection_is_closed_when_it_is_met():
    kept, _ = shelf()
    dead = kept.take(HERE, 1)
    kept.give_back(dead)
    dead.connection.is_dead = True

    found = kept.take(HERE, 1)

    assert (1, False) == (dead.connection.closed, found.is_used)


def test_no_more_calls_than_places_and_no_more_kept_than_wanted():
    kept, _ = shelf(most=1)
    only = kept.take(HERE, 1)

    with pytest.raises(httpcore.PoolTimeout):
        kept.take(HERE, 0.01)
    kept.give_back(only)
    other = kept.take(THERE, 1)
    kept.give_back(other)

    assert (0, 1) == (only.connection.closed, other.connection.closed)
    kept.close()
    assert 1 == only.connection.closed


def test_a_place_is_given_back_when_no_connection_could_be_made():
    def broken(_origin):
        raise MemoryError

    kept = Shelf(broken, most=1, idle_seconds=4.0)

    for _ in range(2):
        with pytest.raises(MemoryError):
            kept.take(HERE, 0.01)


def test_from_many_threads_each_connection_is_in_one_hand():
    kept, doubles = Shelf(Line, most=64, idle_seconds=0.0005), []
    held: set[int] = set()

    def work():
        for _ in range(300):
            one = kept.take(HERE, 5)
            if id(one.connection) in held or one.connection.closed:
                doubles.append(one)
            held.add(id(one.connection))
            held.discard(id(one.connection))
            kept.give_back(one)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [] == doubles


class Mortal(httpcore.NetworkStream):
    """A connection that answers a number of times and is dead then, without looking so."""

    def __init__(self, network) -> None:
        self.network, self.left = network, network.lives

    def read(self, max_bytes, timeout=None):
        self.left -= 1
        return OK if self.left >= 0 else b""

    def write(self, buffer, timeout=None):
        self.network.sent.append(buffer.partition(b" ")[0])

    def close(self):
        pass

    def get_extra_info(self, info):
        return None


class Network(httpcore.NetworkBackend):
    def __init__(self, lives: int) -> None:
        self.lives, self.sent = lives, []

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        return Mortal(self)


def client(network):
    deadline = Deadline()
    settings = HttpSettings(loopback=True)
    backend = GuardedBackend(loopback=True, deadline=deadline, inner=network)
    transport = GuardedTransport(settings, backend, deadline)
    return PeerHttp(settings, transport=transport, deadline=deadline)


def test_a_question_is_asked_again_when_its_kept_connection_was_dead():
    network = Network(lives=1)
    http = client(network)

    answers = [http.get(URL).status for _ in range(3)]

    assert [200, 200, 200] == answers
    assert 5 == len([one for one in network.sent if one.isupper()])


def test_what_carries_a_token_or_a_body_is_sent_once():
    network = Network(lives=1)
    http = client(network)
    http.get(URL)

    with pytest.raises(PeerUnreachableError):
        http.post(URL, {})
    http.get(URL)
    with pytest.raises(PeerUnreachableError):
        http.get(URL, authorization="Bearer once")

    assert [b"GET", b"POST", b"GET", b"GET"] == [one for one in network.sent if one.isupper()]


def test_a_question_to_the_dead_is_asked_twice_at_most():
    http = client(Network(lives=0))

    with pytest.raises(PeerUnreachableError):
        http.get(URL)


def test_a_block_inside_another_never_lengthens_it():
    hours = Hours()
    deadline = Deadline(hours)

    with deadline.within(5):
        with deadline.within(60):
            assert 5 == deadline.cut(None)
        assert 5 == deadline.cut(30)
        with deadline.within(1):
            assert 1 == deadline.cut(None)
        assert 5 == deadline.cut(None)
    assert 30 == deadline.cut(30)
