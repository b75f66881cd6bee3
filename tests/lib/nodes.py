"""Real node processes for tests: made by the command, served, killed, restarted, measured."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from lib.serving import free_port
from lib.warm import Forked, warmed
from tidegate.access.model import Participant, Seat
from tidegate.node.build import create_node
from tidegate.settings import NodeRole, NodeSettings, read_settings, write_settings
from tidegate_client.client import Client

READY_WITHIN = 120.0
STOP_WITHIN = 60.0


def tidegate(*arguments: str) -> subprocess.CompletedProcess:
    """Run the `tidegate` command as a person does, in a process of its own."""
    given = [str(each) for each in arguments]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        with Path(os.devnull).open() as nothing:
            process = warmed().start(
                given,
                files=(nothing.fileno(), out.fileno(), err.fileno()),
                environment=os.environ,
            )
        ended = process.wait()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(["tidegate", *given], ended, out.read(), err.read())


_HOMES = TemporaryDirectory(prefix="tidegate-homes-")


def make_home(home: Path, role: NodeRole = NodeRole.PARTICIPANT, port: int = 7399) -> Path:
    """Make a node's home in this process, without an operator; nothing listens there.

    Each role and port has one home a run, made once and copied, keys and all.
    """
    made = Path(_HOMES.name) / f"{role.value}-{port}"
    if not made.exists():
        _make_home(made, role, port)
    shutil.copytree(made, home)
    return home


def _make_home(home: Path, role: NodeRole, port: int) -> None:
    home.mkdir(parents=True)
    passphrase = home / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("a passphrase for tests")
    settings = NodeSettings(
        home=home,
        name="Hospital",
        participant=Participant(f"did:web:localhost%3A{port}", "Hospital", Seat.CN_GBA9),
        role=role,
        host="127.0.0.1",
        port=port,
        base_url=f"http://localhost:{port}",
        database_url="sqlite:///node.db",
        passphrase_file=Path("passphrase"),
    )
    write_settings(settings)
    create_node(read_settings(home))


def wait_until(question, seconds: float = 60.0, what: str = "it", pause: float = 0.005) -> float:
    """Wait for a true answer; return the seconds it took."""
    began = time.monotonic()
    while not question():
        waited = time.monotonic() - began
        assert waited < seconds, f"{what} did not happen in {seconds} s"
        time.sleep(pause)
    return time.monotonic() - began


class NodeProcess:
    """One node in a home of its own; every start is a new process, forked from a warm one."""

    def __init__(self, home: Path, name: str, seat: str, role: str, *more: str) -> None:
        self.home, self.name, self.seat = home, name, seat
        self.process: subprocess.Popen | Forked | None = None
        self._clients: list[Client] = []
        self.log = home.with_suffix(".log")
        made = tidegate(
            *("init", home, "--name", name, "--seat", seat, "--role", role),
            *("--port", str(free_port()), "--json", *more),
        )
        assert made.returncode == 0, made.stderr
        answer = json.loads(made.stdout)
        self.did, self.base_url = answer["did"], answer["base_url"]
        self.token = (home / "operator.token").read_text().strip()

    def start(self, *, from_nothing: bool = False) -> float:
        """Serve; return the seconds until it was ready. `from_nothing`: as a service starts it."""
        began, serve = time.monotonic(), ["serve", "--home", str(self.home)]
        with self.log.open("ab") as log, Path(os.devnull).open() as nothing:
            if from_nothing:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "tidegate", *serve],
                    stdin=nothing, stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip
            else:
                self.process = warmed().start(
                    serve, files=(nothing.fileno(), log.fileno(), log.fileno()),
                    environment=os.environ,
                )  # fmt: skip
        while time.monotonic() - began < READY_WITHIN:
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            if self.is_ready():
                return time.monotonic() - began
            time.sleep(0.02)
        raise AssertionError(f"not ready in time: {self.log.read_text()[-2000:]}")

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.base_url}/health/ready", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """Kill -9: nothing is tidied up."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        if self.process is None or self.process.poll() is not None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9

    def resident_mb(self) -> float:
        """Return the resident memory of the process, in megabytes (10**6 bytes)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024 / 1e6

    def client(self, token: str = "") -> Client:
        return Client(self.base_url, token or self.token)

    def person(self, name: str, *roles: str) -> Client:
        """Add somebody with these roles; return their client, closed with the node."""
        with self.client() as operator:
            added = operator.people.add(name, f"{name.lower()}@test.example", roles)
            theirs = self.client(operator.people.issue_token(added.id, label="test"))
        self._clients.append(theirs)
        return theirs

    def close(self) -> None:
        """Stop for good: the process and every person's connections."""
        self.stop()
        for client in self._clients:
            client.close()

    def doctor(self) -> list[dict]:
        """Return what the examiner finds wrong."""
        told = tidegate("doctor", "--home", self.home, "--json")
        return [each for each in json.loads(told.stdout) if not each["is_well"]]


@contextmanager
def running(*nodes: NodeProcess) -> Iterator[tuple[NodeProcess, ...]]:
    """Serve nodes for the length of a block."""
    with ExitStack() as stack:
        for node in nodes:
            stack.callback(node.close)
            node.start()
        yield nodes


def found_space(
    authority: NodeProcess, *members: NodeProcess, standing: dict | None = None
) -> dict:
    """Found a space and bring running nodes in; return its space.json."""
    with authority.client() as operator:
        file = operator.space.create("Pearl", "loopback")
        for member in members:
            code = operator.space.invite(member.name, member.seat, standing=standing).code
            with member.client() as own:
                own.space.join(file, code)
                own.space.wait_until_ready(lambda: time.sleep(0.05))
    return file
