"""Peers that misbehave: each is left in time and in words, and the others are served meanwhile."""

import psutil
import pytest

from lib.doors import message_for
from lib.dsp_live import live_pair, wait_for
from lib.dsp_nodes import POLICY, RESEARCHER, make_pair
from lib.hostile import HABITS, Hostile
from tidegate.policy.service import to_message_offer

pytestmark = pytest.mark.slow
SECONDS = 3.0  # of one call; twenty in a node
ENDS = {"no_answer", "unable", "refused"}


@pytest.fixture
def hostiles():
    inside = Hostile("answers nothing")
    made = [Hostile(habit, inside.base) for habit in HABITS]
    yield inside, made
    for one in (inside, *made):
        one.close()


def ask(node, provider) -> str:
    """Ask a provider for an agreement; return our pid of it."""
    offer = to_message_offer(POLICY, "offer_1", "ds_1")
    address = f"{provider.base}/dsp/2025-1"
    return node.negotiation.request_terms(
        provider.did, offer, by=RESEARCHER, address=address
    ).pid  # fmt: skip


def test_no_habit_of_a_peer_holds_up_the_others_or_fills_the_memory(tmp_path, hostiles):
    inside, bad = hostiles
    with live_pair(tmp_path, SECONDS) as (hospital, faculty):
        offer = hospital.publish()
        faculty.knows(hospital, offer)
        before = psutil.Process().memory_info().rss
        asked = [(one.habit, ask(faculty, one)) for one in bad for _ in range(3)]

        good = faculty.negotiation.request(hospital.did, "ds_1", by=RESEARCHER).pid
        wait_for(lambda: faculty.negotiation.get(good).state == "FINALIZED", 60)
        first = {habit: wait_for(lambda pid=pid: tried(faculty, pid), 60) for habit, pid in asked}
        grown = psutil.Process().memory_info().rss - before

    assert ENDS >= {code for code, _ in first.values()}
    assert all(words for _, words in first.values())
    assert 0 == inside.calls
    assert grown < 128e6


def tried(node, pid) -> tuple[str, str] | None:
    """Return code and words of the first try, once it has ended."""
    message = node.negotiation.list_messages(pid)[0]
    return (message.code, message.outcome) if message.attempts or message.code else None


INSIDE = [
    "http://169.254.169.254/latest/meta-data", "http://[::1]:7002/dsp", "http://2130706433/",
    "http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/", "http://0.0.0.0/", "http://[::]/",
    "http://[::ffff:127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[fe80::1%25lo]/",
    "http://localhost:7003@127.0.0.1/", "http://localhost:7003.attacker.example/",
    "http://127.0.0.1:22/", "http://localhost:5432/", "ftp://localhost:7003/", "file:///etc/passwd",
    "gopher://localhost:7003/", "//localhost:7003/", "localhost:7003", "http://localhost:7003/?a=b",
    "http://localhost:7003/#x", "http://LOCALHOST.:7003/", "http://localhost:99999/", "http://",
    "http://localhost:7003\\@169.254.169.254/", "http://\u2113ocalhost:7003/",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
@pytest.mark.parametrize("path", ["/negotiations/request", "/negotiations/offers"])
def test_a_callback_address_that_is_not_the_peers_own_is_not_called(pair, path, address):
    hospital, faculty = pair
    hospital.publish()
    said = message_for(path, "urn:uuid:p", "urn:uuid:c", address)
    token = faculty.identity.token_for(hospital.did)

    answer = hospital.network.call("POST", hospital.base + f"/dsp/2025-1{path}", said, token)

    assert 400 == answer.status
    assert answer.body["code"].startswith(("callback_", "message_"))
    assert "ContractNegotiationError" == answer.body["@type"]
    assert () == hospital.negotiation.list_negotiations()
    assert [] == hospital.ground.tasks()


@pytest.fixture
def pair(tmp_path):
    nodes = make_pair(tmp_path)
    yield nodes
    for node in nodes:
        node.ground.close()
