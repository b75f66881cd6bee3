"""Starting, watching and stopping the three node processes of the demonstration."""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

START_LIMIT = 60.0  # seconds a node may take to become ready before the demonstration gives up


class DemoError(Exception):
    """Something the person at the keyboard can mend; told in one sentence."""


@dataclass(frozen=True, slots=True)
class Cast:
    """One institution of the story and the node it runs."""

    key: str
    name: str
    seat: str
    role: str


@dataclass(slots=True)
class RunningNode:
    """A node process and how to reach it."""

    cast: Cast
    home: Path
    base_url: str
    did: str
    operator_token: str
    process: subprocess.Popen[bytes]
    log: Path


class Stage:
    """The place of the story: `var/demo`, locked while a demonstration is live."""

    def __init__(self, place: Path, tidegate: Path) -> None:
        self.place = place
        self._tidegate = tidegate
        self._nodes: list[RunningNode] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._lock: IO[str] | None = None
        self._ports: list[IO[str]] = []

    def __enter__(self) -> Self:
        self.place.parent.mkdir(parents=True, exist_ok=True)
        lock = (self.place.parent / "demo.lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise DemoError(
                "A demonstration is live already; stop it with Ctrl-C where it runs, then retry."
            ) from None
        self._lock = lock
        for home in sorted(self.place.glob("*/serve.lock")):
            if _is_held(home):
                lock.close()
                raise DemoError(f"{home.parent} is served still; stop that node first, then retry.")
        if self.place.exists():
            shutil.rmtree(self.place)
        self.place.mkdir(parents=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for held in self._ports:
            held.close()
        if self._lock is not None:
            self._lock.close()

    def tidegate(self, *arguments: str) -> str:
        """Run the `tidegate` command; return what it printed. Raises DemoError with its words."""
        done = subprocess.run(
            [str(self._tidegate), *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise DemoError(f"tidegate {' '.join(arguments[:2])}: {done.stderr.strip()[-600:]}")
        return done.stdout

    def start(self, casts: tuple[Cast, ...]) -> dict[str, RunningNode]:
        """Make and start a node for each institution, side by side; return them when ready."""
        ports, self._ports = reserve_ports(len(casts))
        with ThreadPoolExecutor(len(casts)) as pool:
            for node in pool.map(self._launch, casts, ports):
                self._nodes.append(node)
        for node in self._nodes:
            self._await_ready(node)
        return {node.cast.key: node for node in self._nodes}

    def all_alive(self) -> bool:
        """Tell whether every node process still runs."""
        return all(node.process.poll() is None for node in self._nodes)

    def complaints(self, most: int = 12) -> str:
        """Return the last warnings and errors in the logs of the nodes, a line each."""
        found: list[str] = []
        for node in self._nodes:
            lines = node.log.read_text(encoding="utf-8", errors="replace").splitlines()
            bad = [one for one in lines if '"level": "info"' not in one and one.strip()]
            found += [f"{node.cast.key}: {one[:400]}" for one in bad[-most:]]
        return "\n" + "\n".join(found) if found else " They hold no warning."

    def _launch(self, cast: Cast, port: int) -> RunningNode:
        home = self.place / cast.key
        answer = self.tidegate(
            *("init", str(home), "--name", cast.name, "--seat", cast.seat),
            *("--role", cast.role, "--port", str(port), "--json"),
        )
        log = self.place / f"{cast.key}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [str(self._tidegate), "serve", "--home", str(home)],
                stdout=file,
                stderr=file,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self._processes.append(process)  # at once: a start that is broken off must stop it too
        made = json.loads(answer)
        token = (home / "operator.token").read_text(encoding="utf-8").strip()
        return RunningNode(cast, home, made["base_url"], made["did"], token, process, log)

    def _await_ready(self, node: RunningNode) -> None:
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            if node.process.poll() is not None:
                break
            try:
                ready = f"{node.base_url}/health/ready"
                with urllib.request.urlopen(ready, timeout=2):  # noqa: S310 - our node
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        tail = node.log.read_text(encoding="utf-8", errors="replace")[-800:]
        raise DemoError(f"The node of {node.cast.name} did not become ready. Its log ends:\n{tail}")


def reserve_ports(count: int, first: int = 7401) -> tuple[list[int], list[IO[str]]]:
    """Return `count` ports nobody listens on, and the locks that keep other demonstrations off.

    A node binds its port some seconds after it was chosen, so the port alone proves nothing.
    """
    found: list[int] = []
    locks: list[IO[str]] = []
    for port in range(first, first + 400):
        lock = _port_lock(port)
        if lock is None:
            continue
        with socket.socket() as probe:
            # As a node binds it: what an earlier demonstration left behind keeps no port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                lock.close()
                continue
        found.append(port)
        locks.append(lock)
        if len(found) == count:
            return found, locks
    raise DemoError("No free ports between 7401 and 7800 on this machine; close something first.")


def _is_held(file: Path) -> bool:
    """Tell whether a process holds the lock of a home it serves."""
    with file.open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _port_lock(port: int) -> IO[str] | None:
    """Hold a port against other demonstrations on this machine; None where another holds it."""
    try:
        lock = (Path(tempfile.gettempdir()) / f"tidegate-demo-{port}.lock").open("a+")
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def tidegate_command() -> Path:
    """Return the `tidegate` command of the environment that runs the demonstration."""
    return Path(sys.executable).parent / "tidegate"
