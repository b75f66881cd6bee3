"""Real processes killed with SIGKILL around a message, and started again: both sides converge.

The whole table of messages and places runs in process, in `test_boundaries.py`; here is one of
each kind of place, in both roles and protocols, with nothing but the disk surviving.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from lib.nodes import wait_until
from lib.serving import free_port

pytestmark = pytest.mark.slow
TESTS = Path(__file__).parents[2]
DONE = {"negotiations": ["FINALIZED"], "transfers": ["STARTED"]}


class Process:
    """One connector, in as many processes as it takes."""

    def __init__(self, home: Path, role: str) -> None:
        self.home, self.role, self.port, self.peer = home, role, str(free_port()), ""
        self.process = None

    def start(self, point: str = "", time: int = 1) -> None:
        said = [str(self.home), self.port, self.peer, self.role, point, str(time)]
        path = os.pathsep.join([str(TESTS), str(TESTS.parent / "src")])
        with self.home.with_suffix(".log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "lib.dsp_process", json.dumps(said)],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": path},
            )

    def state(self) -> dict | None:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/state", timeout=5).json()
        except httpx.HTTPError:
            return None

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def pair(tmp_path):
    provider, consumer = (Process(tmp_path / role, role) for role in ("provider", "consumer"))
    provider.peer, consumer.peer = consumer.port, provider.port
    yield {"provider": provider, "consumer": consumer}
    provider.close()
    consumer.close()


@pytest.mark.parametrize(
    ("who", "point", "time"),
    [
        ("consumer", "negotiation.before_send", 1),
        ("provider", "negotiation.after_send", 1),
        ("consumer", "negotiation.before_commit", 2),
        ("consumer", "work.before_done", 2),
        ("provider", "transfer.before_send", 1),
    ],
)
def test_a_process_killed_around_a_message_goes_on_where_it_was(pair, who, point, time):
    for role in ("provider", "consumer"):
        pair[role].start(point if role == who else "", time)

    assert -9 == pair[who].process.wait(timeout=120)
    pair[who].start()

    wait_until(
        lambda: [pair[role].state() for role in ("provider", "consumer")] == [DONE, DONE],
        seconds=120,
        what="both sides' rest",
    )
