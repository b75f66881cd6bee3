"""Every door for other nodes, knocked at with every bad token, and with pids of other people."""

import json

import pytest

from lib.doors import BAD_TOKENS, DSP, DSP_ABOUT_PIDS, ERRORS, OTHERS, Doors, bad_token
from lib.space_world import opened_world
from tidegate.access.model import Seat
from tidegate.connector.messages import wire, wire_catalog
from tidegate.connector.messages.read import check

NAMES = (("Faculty", Seat.HK), ("Hospital", Seat.CN_GBA9), ("Clinic", Seat.HK))
UNKNOWN = "urn:uuid:00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("doors")
    with opened_world(folder, *NAMES) as world:
        made = Doors(world, folder)
        yield made
        made.close()


def check_typed(path: str, answer) -> dict:
    """Hold a refusal of the Dataspace Protocol to the typed error of its own protocol."""
    kind = next(name for start, name in ERRORS.items() if path.startswith(start))
    found = getattr(wire, kind, None) or getattr(wire_catalog, kind)
    body = check(json.loads(answer.content), found).document
    assert body["code"]
    assert body["reason"]
    return dict(body)


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_no_door_of_the_protocol_opens_to_a_bad_token(doors, name):
    before = doors.standing()
    for method, path in DSP:
        answer = doors.knock(method, path, bad_token(doors, name))

        assert (401, path) == (answer.status_code, path)
        assert "Bearer" == answer.headers["www-authenticate"]
        check_typed(path, answer)
    assert before == doors.standing()


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_no_door_of_identity_space_and_messages_opens_to_a_bad_token(doors, name):
    before = doors.standing()
    for method, path in OTHERS:
        at = doors.authority if "issuer" in path or "/space" in path else doors.hospital
        made_for = name if at is doors.hospital or name != "used before" else "of another audience"
        answer = doors.knock(method, path, bad_token(doors, made_for), at=at)

        assert (401, path) == (answer.status_code, path)
        assert {"error", "code", "message"} <= set(answer.json())
    assert before == doors.standing()


@pytest.mark.parametrize(("method", "path"), DSP_ABOUT_PIDS)
def test_pids_of_others_are_as_unknown_as_pids_of_nobody(doors, method, path):
    before, answers = doors.standing(), []
    for pid in (doors.process(path).pid, UNKNOWN):
        token = doors.clinic.identity.token_for(doors.hospital.did)
        answer = doors.knock(method, path, token, pid=pid)
        headers = {
            name: value for name, value in answer.headers.items() if name != "content-length"
        }
        answers.append((answer.status_code, headers, answer.text.replace(pid, "PID")))

        assert 404 == answer.status_code
        check_typed(path, answer)
    assert answers[0] == answers[1]
    assert before == doors.standing()


@pytest.mark.parametrize("seconds", [-30, -29, 0, 29, 30])
def test_a_clock_half_a_minute_off_is_forgiven(doors, seconds):
    assert 200 == skewed(doors, seconds).status_code


@pytest.mark.parametrize(("seconds", "words"), [(-91, "expired"), (31, "clocks"), (3600, "clocks")])
def test_a_clock_further_off_is_refused_in_words(doors, seconds, words):
    answer = skewed(doors, seconds)

    assert 401 == answer.status_code
    assert words in check_typed("/catalog", answer)["reason"][0]


def skewed(doors, seconds):
    """Ask for the catalogue with a token that a node whose clock is off has made."""
    identity, clock = doors.faculty.identity, doors.world.clock
    clock.advance(seconds=seconds)
    token = identity.token_for(doors.hospital.did)
    clock.advance(seconds=-seconds)
    return doors.knock("POST", "/catalog/request", token)


@pytest.mark.parametrize("times", [2, 5])
def test_a_token_opens_one_door_once(doors, times):
    token = doors.faculty.identity.token_for(doors.hospital.did)

    found = [doors.knock("POST", "/catalog/request", token).status_code for _ in range(times)]

    assert [200] + [401] * (times - 1) == found


@pytest.mark.parametrize("pid", ["%00", "%0a", "a%7Fb"])
def test_a_pid_that_cannot_be_said_is_not_echoed(doors, pid):
    token = doors.faculty.identity.token_for(doors.hospital.did)

    answer = doors.knock("GET", "/negotiations/{pid}", token, pid=pid)

    assert 404 == answer.status_code
    assert "unknown" == check_typed("/negotiations", answer)["providerPid"]
