"""A start said again with an address made anew, and the start that answers ours."""

import pytest

from lib.dsp_nodes import FACULTY, HOSPITAL, RESEARCHER, agreed, make_pair, pump
from tidegate.connector.dataplane.model import HTTP_PULL
from tidegate.connector.http.model import Answer
from tidegate.connector.messages import store as messages
from tidegate.connector.transfer import repeating


@pytest.fixture
def pair(tmp_path):
    hospital, faculty = make_pair(tmp_path)
    yield hospital, faculty
    hospital.ground.close()
    faculty.ground.close()


def pulling(pair):
    """Return the pid of a pull that runs."""
    one = pair[1].transfer.request_rows(agreed(*pair), HTTP_PULL, by=RESEARCHER)
    pump(*pair)
    return one.pid


def start_again(pair, number=1, **changed):
    """Have the provider say its start again with another address."""
    network = pair[0].network
    url, said = next((u, s) for _, u, s, _ in reversed(network.log) if "dataAddress" in s)
    address = said["dataAddress"] | {"endpoint": f"http://localhost:9/again-{number}"}
    fresh = {"@id": f"urn:uuid:{number}", "dataAddress": address}
    authorization = f"Bearer {HOSPITAL}>{FACULTY}"
    return network.post(url, said | fresh | changed, authorization=authorization)


def heard(faculty):
    return [one.endpoint.rpartition("/")[2] for one in faculty.plane.heard if one is not None]


def test_a_start_said_again_moves_the_fetch_to_its_address_and_changes_nothing_else(pair):
    _, faculty = pair
    pid = pulling(pair)
    before = faculty.transfer.get(pid)

    answer = start_again(pair)
    pump(*pair)

    assert (200, before) == (answer.status, faculty.transfer.get(pid))
    assert ["start", "again-1"] == heard(faculty)
    assert 2 == next(m for m in faculty.transfer.list_messages(pid) if m.action == "start").attempts


def test_a_provider_answers_our_resumption_with_a_start_of_its_own(pair):
    _, faculty = pair
    pid = pulling(pair)
    faculty.transfer.suspend(pid, "A pause.", by=RESEARCHER)
    pump(*pair)
    refused = start_again(pair, 1)
    faculty.transfer.resume(pid, by=RESEARCHER)
    early = start_again(pair, 2)
    pump(*pair)

    answer = start_again(pair, 2)
    pump(*pair)

    assert [400, 503, 200] == [one.status for one in (refused, early, answer)]
    assert "again-2" == heard(faculty)[-1]
    assert "STARTED" == faculty.transfer.get(pid).state


def test_a_start_said_again_while_a_completion_is_on_its_way_disturbs_it_not(pair):
    hospital, faculty = pair
    pid = pulling(pair)
    hospital.network.answers_instead = [Answer(409)]
    faculty.transfer.complete(pid, by=RESEARCHER)
    pump(faculty)

    answer = start_again(pair)
    pump(*pair, seconds=30)

    assert (200, "COMPLETED") == (answer.status, faculty.transfer.get(pid).state)


@pytest.mark.parametrize(
    ("module", "looked_at"),
    [(messages, "was_accepted"), (repeating, "_said_before")],
    ids=["before it is looked at", "after it was looked at"],
)
def test_a_start_said_again_opens_nothing_once_our_suspension_is_taken_in_the_same_moment(
    pair, monkeypatch, module, looked_at
):
    _, faculty = pair
    pid = pulling(pair)
    faculty.transfer.suspend(pid, "A pause.", by=RESEARCHER)
    look, looks = getattr(module, looked_at), []

    def suspend_after(*args):
        looks.append(look(*args))
        if len(looks) == 1:
            pump(*pair)
        return looks[-1]

    monkeypatch.setattr(module, looked_at, suspend_after)

    answer = start_again(pair)
    pump(*pair)

    assert (400, "SUSPENDED") == (answer.status, faculty.transfer.get(pid).state)
    assert "again-1" not in heard(faculty)
