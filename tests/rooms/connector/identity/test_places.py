"""A host that lets our calls hang takes a few places, and leaves the others to the others."""

import threading

import pytest

from tidegate.connector.errors import PeerUnreachableError
from tidegate.connector.identity.places import Places, Turns, host_of


def test_one_host_gets_a_few_places_whatever_it_calls_itself():
    places = Places(most=4, per_host=2)

    with places.taken("did:web:slow.example"), places.taken("did:web:SLOW.example:more"):
        with pytest.raises(PeerUnreachableError), places.taken("did:web:slow.example:other"):
            pass
        with places.taken("did:web:quick.example"):
            pass

    with places.taken("did:web:slow.example"), places.taken("did:web:slow.example"):
        pass


def test_all_hosts_together_get_no_more_than_there_are():
    places = Places(most=1, per_host=1)

    with (
        places.taken("did:web:one.example"),
        pytest.raises(PeerUnreachableError) as refusal,
        places.taken("did:web:two.example"),
    ):
        pass

    assert "resolver_busy" == refusal.value.code


@pytest.mark.parametrize(
    ("did", "host"),
    [
        ("did:web:slow.example", "slow.example"),
        ("did:web:slow.example%3A8443:more:path", "slow.example"),
        ("did:web:SLOW.example.%3a9", "slow.example"),
        ("did:web:slow.example%3Aport", "slow.example:port"),
        ("did:web:localhost%3A7001", "localhost:7001"),
        ("did:web:127.0.0.1%3A7002:x", "127.0.0.1:7002"),
    ],
)
def test_a_host_is_one_whatever_its_port(did, host):
    assert host == host_of(did)


def test_a_host_with_many_ports_gets_no_more_places():
    places = Places(most=9, per_host=2)

    with (
        places.taken("did:web:slow.example%3A1"),
        places.taken("did:web:slow.example%3A2"),
        pytest.raises(PeerUnreachableError),
        places.taken("did:web:slow.example%3A3"),
    ):
        pass


def test_turns_are_taken_one_after_another_and_forgotten_after_the_last():
    turns, inside, most, ready = Turns(), [], [], threading.Barrier(8)

    def take():
        ready.wait()
        with turns.taken("did:web:one"):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for one in threads:
        one.start()
    with turns.taken("did:web:other"):
        assert 1 <= len(turns) <= 2
    for one in threads:
        one.join()

    assert ([1] * 8, 0) == (most, len(turns))


def test_a_turn_that_fails_is_given_back():
    turns = Turns()

    with pytest.raises(ValueError, match="no"), turns.taken("did:web:one"):
        raise ValueError("no")

    assert 0 == len(turns)
