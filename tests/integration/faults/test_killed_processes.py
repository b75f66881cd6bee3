"""Real processes killed with SIGKILL around every message, and started again: both sides converge.

Every message of both state machines, in every state it may come in, by either side; and around each
the places where a node can die: its sender before it sends, when the answer has come, in the commit
of that, and before the task is forgotten; its receiver in its commit, and before it answers. All
six die one after the other around the same message, each time with nothing but the disk surviving.
In process, and one place at a time: `test_boundaries.py`.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from lib.boundaries import NEGOTIATION_MOVES, TRANSFER_MOVES, name_of
from lib.dsp_process import ROLES, Plan
from lib.nodes import wait_until
from lib.serving import free_port
from tidegate.connector.negotiation.machine import NEGOTIATION
from tidegate.connector.transfer.machine import TRANSFER

pytestmark = pytest.mark.slow
TESTS = Path(__file__).parents[2]
MACHINES = {"negotiation": NEGOTIATION, "transfer": TRANSFER}
TAKEN = {"accepted", "acknowledged"}


class Pair:
    """A provider and a consumer that are forked again whenever they die."""

    def __init__(self, folder: Path) -> None:
        self.plan, self.ports = Plan(folder), {role: free_port() for role in ROLES}
        self.plan.set([])
        self.log, self.client = folder / "log", httpx.Client(timeout=30)
        self.rounds = {"negotiation": 0, "transfer": 0}
        path = os.pathsep.join([str(TESTS), str(TESTS.parent / "src")])
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "lib.dsp_process", str(folder), json.dumps(self.ports)],
                stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": path},
            )  # fmt: skip
        self.until(lambda: all(self.state(role) for role in ROLES), "both nodes' start")

    def until(self, question, what: str) -> None:
        wait_until(lambda: self.process.poll() is not None or question(), 60, what, pause=0.02)
        assert self.process.poll() is None, self.log.read_text()[-3000:]

    def state(self, role: str) -> dict | None:
        return self._call("GET", role, "state")

    def _call(self, method: str, role: str, what: str, **more) -> dict | None:
        try:
            answer = self.client.request(
                method, f"http://127.0.0.1:{self.ports[role]}/{what}", **more
            )
        except httpx.HTTPError:
            return None
        assert answer.status_code == 200, answer.text
        return answer.json()

    def say(self, room: str, move, places=()) -> None:
        """Have a message said, with somebody dying at these places; wait for rest."""
        if move.source == "INITIAL":
            self.rounds[room] += 1
        number, asked = self.rounds[room], room == "transfer" and move.source == "REQUESTED"
        told = {"room": room, "action": move.action, "source": move.source, "number": number}
        self.plan.hold(on=room == "transfer" and not (asked and move.action == "start"))
        self.plan.set(list(places))

        def is_done() -> bool:
            if len(self.plan.deaths()) < len(places):
                return False
            states = [self.state(role) for role in ROLES]
            if None in states or any(one[room]["is_waiting"] for one in states):
                return False
            at = {(one[room]["count"], one[room]["state"]) for one in states}
            return at == {(number, move.target)}

        self.until(lambda: self._call("POST", move.by, "act", json=told) is not None, "the act")
        if asked and move.by == "provider":  # its own reaction finds what was decided meanwhile
            self.plan.hold(on=False)
        self.until(is_done, f"{name_of(move)}, {self.plan.deaths()} of {list(places)}")

    def close(self) -> None:
        self.plan.hold(on=False)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        self.client.close()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    made = Pair(tmp_path_factory.mktemp("killed"))
    yield made
    made.close()


def way_to(room: str, move) -> list:
    """Return the messages before this one, from the beginning; who suspends resumes."""
    before, machine = [], MACHINES[room]
    steps = {
        "negotiation": {"REQUESTED": "request", "OFFERED": "offer", "ACCEPTED": "accept",
                        "AGREED": "agree", "VERIFIED": "verify"},
        "transfer": {"REQUESTED": "request", "STARTED": "start", "SUSPENDED": "suspend"},
    }[room]  # fmt: skip
    state = move.source
    while state != "INITIAL":
        found = [m for m in machine.moves if (m.action, m.target) == (steps[state], state)]
        forward = [m for m in found if m.source in {"INITIAL", *steps} and m.source != "SUSPENDED"]
        best = next((m for m in forward if m.by == move.by), forward[0])
        before.insert(0, best)
        state = best.source
    return before


def places_of(room: str, sender: str) -> list[tuple[str, str]]:
    receiver = "provider" if sender == "consumer" else "consumer"
    return [
        (sender, f"{room}.before_send"),
        (receiver, f"{room}.before_commit"),
        (receiver, "door.before_answer"),
        (sender, f"{room}.after_send"),
        (sender, f"{room}.before_commit"),
        (sender, "work.before_done"),
    ]


def check_once(pair, room: str, said: list) -> None:
    """Both sides took every message once, and nothing else."""
    for role in ROLES:
        messages = pair.state(role)[room]["messages"]
        assert [move.action for move in said] == [action for action, _ in messages]
        assert TAKEN >= {state for _, state in messages}


def check_killed_around(pair, room: str, move) -> None:
    before, places = way_to(room, move), places_of(room, move.by)
    for one in before:
        pair.say(room, one)

    pair.say(room, move, places)

    assert places == pair.plan.deaths()
    check_once(pair, room, [*before, move])


@pytest.mark.parametrize("move", NEGOTIATION_MOVES, ids=name_of)
def test_a_negotiation_survives_six_deaths_around_a_message(pair, move):
    check_killed_around(pair, "negotiation", move)


@pytest.fixture(scope="module")
def agreed(pair):
    """Have the one agreement visits are asked for under."""
    last = next(m for m in NEGOTIATION_MOVES if m.action == "finalize")
    if not pair.state("consumer")["agreements"]:
        for move in (*way_to("negotiation", last), last):
            pair.say("negotiation", move)


@pytest.mark.parametrize("move", TRANSFER_MOVES, ids=name_of)
def test_a_visit_survives_six_deaths_around_a_message(pair, agreed, move):
    check_killed_around(pair, "transfer", move)


def test_nothing_is_left_to_do_after_all_the_deaths(pair, agreed):
    pair.plan.hold(on=False)

    pair.until(
        lambda: [0, 0] == [(pair.state(role) or {"tasks": 1})["tasks"] for role in ROLES],
        "both sides' rest",
    )
    provider, consumer = (pair.state(role)["agreements"] for role in ROLES)

    assert provider == consumer
    assert 1 == len(provider)
