"""One Tidegate node as a process, fitted with EDC's mock identity by the test plugin."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidegate_client.client import Client
from tidegate_interop.process import EdcError, free_ports

ROOT = Path(__file__).parents[2]
READY_SECONDS = 120
SEED_SECONDS = 0.1  # more, for each dataset that is entered and offered before it serves


@dataclass
class Node:
    """A node with its home and port; `peers` are the EDCs it knows, by participant id."""

    folder: Path
    more: int = 0
    port: int = field(init=False)
    process: subprocess.Popen[bytes] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Choose the port once: a node that is started again is found where it was."""
        (self.port,) = free_ports(1)
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def home(self) -> Path:
        """Where the node keeps everything."""
        return self.folder / "home"

    @property
    def url(self) -> str:
        """The node's own address."""
        return f"http://localhost:{self.port}"

    @property
    def did(self) -> str:
        """The node's DID."""
        return f"did:web:localhost%3A{self.port}"

    @property
    def dsp(self) -> str:
        """The base address of its Dataspace Protocol."""
        return f"{self.url}/dsp/2025-1"

    def start(self) -> float:
        """Start it and wait until it answers; return the seconds that took."""
        began, patience = time.perf_counter(), READY_SECONDS + self.more * SEED_SECONDS
        paths = os.pathsep.join(str(ROOT / one) for one in ("src", "tck"))
        with (self.folder / "node.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tidegate_tck.edc"),
                    *("--home", str(self.home), "--port", str(self.port)),
                    *("--more", str(self.more)),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": paths},
                start_new_session=True,
            )
        while time.perf_counter() - began < patience and self.process.poll() is None:
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"{self.url}/health/ready", timeout=1),
            ):
                return time.perf_counter() - began
            time.sleep(0.01)
        self.stop()
        raise EdcError(f"The node did not become ready; see {self.folder / 'node.log'}.")

    def stop(self) -> None:
        """End it; a second time does nothing."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def knows(self, peers: dict[str, str]) -> None:
        """Tell it where participants are."""
        (self.home / "edc-peers.json").write_text(json.dumps(peers), encoding="utf-8")

    def client(self) -> Client:
        """Return a client that acts as a steward, operator and researcher of this node."""
        token = (self.home / "edc-token").read_text(encoding="utf-8")
        return Client(self.url, token)

    def harvest(self, participant: str) -> dict[str, Any]:
        """Have it read a participant's catalogue; return what came of it."""
        return self._tell(f"harvests/{participant}")

    def trouble(self, messages: int) -> None:
        """Have it meet trouble with so many messages of peers, as an identity service away does."""
        self._tell(f"trouble/{messages}")

    def inquire(self) -> int:
        """Have it ask every silent peer now; return how many processes ended by that."""
        return int(self._tell("inquiries")["ended"])

    def request_rows(self, agreement: str, kind: str) -> str:
        """Have it ask for rows under an agreement; return the transfer's id."""
        named = urllib.parse.urlencode({"agreement": agreement, "format": kind})
        return str(self._tell(f"rows?{named}")["pid"])

    def progress(self, transfer: str) -> dict[str, Any]:
        """Return how far the bytes of a transfer are, and their SHA-256 once all are here."""
        return self._tell(f"progress/{transfer}")

    def _tell(self, what: str) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.url}/edc/{what}", method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return dict(json.loads(answer.read()))

    def ask(self, participant: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Call its protocol door as a participant; return status and answer."""
        token = json.dumps({"region": "any", "audience": self.did, "clientId": participant})
        request = urllib.request.Request(
            self.dsp + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": token, "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as problem:
            return problem.code, json.loads(problem.read() or b"null")
