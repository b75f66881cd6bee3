"""Planes that sign what they present, their keys inline or at an address."""

from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event

import pytest

from lib.dps_hosting import STEWARD, US
from lib.dps_peer import Signer
from lib.interleaving import act_after
from tidegate.connector.http.model import Answer
from tidegate.connector.signaling import proofs
from tidegate.connector.signaling.errors import PlaneUnauthenticatedError, RegistrationInvalidError
from tidegate.connector.signaling.model import PlaneKind
from tidegate.connector.signaling.registry import Registry
from tidegate.kernel.errors import UnavailableError

WHERE = "https://plane.example.org/keys"
TOKENS = "https://plane.example.org/token"


def asked(world, **more):
    said = {"auth": "oauth2_client_credentials", "token_endpoint": TOKENS, "client_id": "node"}
    return world.asked("signed", **said | more)


@pytest.fixture
def signer(world):
    """A plane whose keys stand at an address; the first of them."""
    one = Signer("key-1")
    world.room.register(asked(world, jwks_uri=WHERE), by=STEWARD)
    world.wire.documents[WHERE] = {"keys": [one.jwk]}
    return one


def claims(world, **other):
    now = int(world.ground.clock.now().timestamp())
    return {"iss": "signed", "sub": "signed", "aud": US, "iat": now, "exp": now + 60} | other


def opens(world, signer, **other):
    token = signer.sign(**claims(world, **other))
    return world.registry.authenticate(PlaneKind.CONTROL, f"Bearer {token}").id


def fetches(world):
    return [url for _, url, _ in world.wire.calls].count(WHERE)


def test_keys_at_an_address_are_read_once_for_many_calls(world, signer):
    assert fetches(world) == 0

    assert {opens(world, signer) for _ in range(3)} == {"signed"}
    assert fetches(world) == 1


def test_a_turned_key_is_found_and_the_old_one_opens_nothing_once_the_set_is_old(world, signer):
    opens(world, signer)
    new = Signer("key-2")
    world.wire.documents[WHERE] = {"keys": [new.jwk]}
    world.ground.clock.advance(seconds=31)

    assert opens(world, new) == "signed"
    with pytest.raises(PlaneUnauthenticatedError):
        opens(world, signer)


def test_strangers_have_the_keys_read_at_most_twice_a_minute(world, signer):
    for _ in range(20):
        with pytest.raises(PlaneUnauthenticatedError):
            opens(world, Signer("key-1"))
        world.ground.clock.advance(seconds=1)

    assert fetches(world) == 1


@pytest.mark.parametrize("document", [None, [], {}, {"keys": []}, {"keys": [{"kty": "x"}]}, "keys"])
def test_an_address_without_keys_lets_nobody_in(world, signer, document):
    world.wire.documents[WHERE] = document

    with pytest.raises(UnavailableError) as caught:
        opens(world, signer)

    assert caught.value.code == "jwks_unavailable"


def test_an_address_that_does_not_answer_lets_nobody_in(world, signer):
    world.wire.status = 503

    with pytest.raises(UnavailableError):
        opens(world, signer)


def test_strangers_have_an_address_that_fails_asked_once_in_a_while(world, signer):
    world.wire.status = 503
    for _ in range(10):
        with pytest.raises(UnavailableError):
            opens(world, Signer("key-1"))
    assert fetches(world) == 1
    world.wire.status = 200
    world.ground.clock.advance(seconds=6)

    assert opens(world, signer) == "signed"


def test_strangers_hold_few_hands_while_an_address_hangs(world, signer):
    tokens, hangs, looking = [signer.sign(**claims(world)) for _ in range(12)], Event(), []
    world.wire.call = lambda *_: looking.append(1) or (hangs.wait(30) and Answer(503))

    def knock(token):
        with pytest.raises(UnavailableError) as caught:
            world.registry.authenticate(PlaneKind.CONTROL, f"Bearer {token}")
        return caught.value.code

    with ThreadPoolExecutor(12) as pool:
        knocks = [pool.submit(knock, token) for token in tokens]
        first = next(as_completed(knocks, timeout=30))
        assert first.result() == "resolver_busy"
        hangs.set()

    assert {one.result() for one in knocks} == {"resolver_busy", "jwks_unavailable"}
    assert 1 <= len(looking) <= 4


def test_a_new_registration_forgets_the_keys_that_were_read(world, signer):
    opens(world, signer)
    world.wire.documents[WHERE] = {"keys": [Signer("key-1").jwk]}
    world.room.register(asked(world, jwks_uri=WHERE), by=STEWARD)

    with pytest.raises(PlaneUnauthenticatedError):
        opens(world, signer)


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("authorization_incomplete", {}),
        ("authorization_incomplete", {"jwks_uri": WHERE, "jwks": {"keys": [Signer("k").jwk]}}),
        ("https_required", {"jwks_uri": "http://plane.example.org/keys"}),
        ("jwks_invalid", {"jwks": {"keys": []}}),
    ],
)
def test_client_credentials_need_one_key_set(world, code, wrong):
    with pytest.raises(RegistrationInvalidError) as caught:
        world.room.register(asked(world, **wrong), by=STEWARD)

    assert caught.value.code == code


@pytest.mark.parametrize(
    "wrong",
    [{"nbf": 4_000_000_000}, {"nbf": "now"}, {"nbf": None},
     {"exp": float("nan")}, {"exp": float("inf")}, {"iat": float("nan")}, {"exp": 10**400},
     {"exp": True}, {"jti": None}, {"aud": None}, {"aud": {}}],
)  # fmt: skip
def test_times_and_names_that_are_none_open_nothing(world, signer, wrong):
    with pytest.raises(PlaneUnauthenticatedError):
        opens(world, signer, **wrong)


def test_keys_that_were_on_their_way_when_a_plane_is_registered_anew_are_not_kept(
    monkeypatch, world, signer
):
    def register():
        world.wire.documents[WHERE] = {"keys": [Signer("key-1").jwk]}
        world.room.register(asked(world, jwks_uri=WHERE), by=STEWARD)

    act_after(monkeypatch, proofs, "read_keys", register)
    opens(world, signer)

    with pytest.raises(PlaneUnauthenticatedError):
        opens(world, signer)


def test_keys_read_for_a_registration_count_for_none_that_another_process_made_since(world, signer):
    opens(world, signer)
    world.ground.clock.advance(seconds=1)
    world.wire.documents[WHERE] = {"keys": [Signer("key-1").jwk]}
    Registry(world.registry._desk).put(asked(world, jwks_uri=WHERE), by=STEWARD)

    with pytest.raises(PlaneUnauthenticatedError):
        opens(world, signer)
