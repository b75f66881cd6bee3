"""Two nodes' connectors over real HTTP on loopback, with the real client, door and runner."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from starlette.applications import Starlette

from lib.dsp_nodes import DspNode, Network, quick_ground
from lib.serving import Served, free_port
from tidegate.api import dsp
from tidegate.connector.http.model import HttpSettings
from tidegate.connector.http.service import PeerHttp
from tidegate.kernel.clock import SystemClock
from tidegate.work.runner import Runner


class LiveNode:
    """A connector that listens on a port of its own and runs its tasks."""

    def __init__(self, folder: Path, seconds: float = 20.0) -> None:
        port = free_port()
        ground = quick_ground(folder, f"did:web:127.0.0.1%3A{port}", clock=SystemClock())
        self.http = PeerHttp(HttpSettings(loopback=True, total_seconds=seconds))
        self.node = DspNode(Network(), ground, wire=self.http)
        self.runner = Runner(ground.journal, ground.clock, self.node.handlers)
        ground.journal.on_tasks = self.runner.wake
        self._served = Served(Starlette(routes=dsp.routes(self.node)), port)

    def start(self) -> None:
        self._served.start()
        self.runner.start()

    def stop(self) -> None:
        self.runner.stop()
        self._served.stop()
        self.http.close()
        self.node.ground.close()


@contextlib.contextmanager
def live_pair(folder: Path, seconds: float = 20.0) -> Iterator[tuple[DspNode, DspNode]]:
    """Yield a provider and a consumer that talk over loopback, each call for so many seconds."""
    nodes = LiveNode(folder / "hospital", seconds), LiveNode(folder / "faculty", seconds)
    for one in nodes:
        one.start()
    try:
        yield nodes[0].node, nodes[1].node
    finally:
        for one in nodes:
            one.stop()


def wait_for(question, seconds: float = 30.0):
    """Return the first true answer; fail when none comes in time."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.004)):
        found = question()
        if found:
            return found
        pause.wait(0.004)
    raise AssertionError("it never happened")
