"""Two connectors with the plane inside, over real HTTP: in one process, or each in its own to kill.

Rows are what a test puts into the vault as a parcel; everything else is the product's.
"""

import hashlib
import itertools
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lib import dsp_nodes
from lib.dsp_nodes import RESEARCHER, STEWARD, DspNode, Network
from lib.ground import hasty, make_ground
from lib.serving import Served, free_port
from lib.warm import warmed
from tidegate.access.model import Participant, Seat
from tidegate.api import dsp, rows
from tidegate.commons import store
from tidegate.commons.model import Parcel
from tidegate.commons.rows.packing import Hashing
from tidegate.commons.rows.service import RowsService
from tidegate.commons.vault.service import Vault
from tidegate.connector.dataplane.desk import PlaneDesk
from tidegate.connector.dataplane.model import HTTP_PULL, PlaneSettings
from tidegate.connector.dataplane.service import HttpPlane
from tidegate.connector.http.model import HttpSettings
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.messages.delivery import Courier
from tidegate.deid.service import DeidService
from tidegate.kernel.clock import SystemClock, iso
from tidegate.kernel.failpoint import arm
from tidegate.kernel.ids import secret_token
from tidegate.policy.model import Agreement
from tidegate.policy.service import research_policy
from tidegate.work.runner import Runner

AGREEMENT = "urn:uuid:00000000-0000-4000-8000-00000000a11e"
VERSION = "ver_rows"
FREE = research_policy(compute="", minimum_cell=0)
QUICK = PlaneSettings(slice_seconds=2.0, segment_bytes=4 * 2**20, first_delay=0.05)
MEBIBYTE = 2**20


def did_of(port: int) -> str:
    return f"did:web:127.0.0.1%3A{port}"


def content_of(size: int, seed: int = 7) -> bytes:
    """Return the same noise for the same seed."""
    return random.Random(seed).randbytes(size)


class SeededRows(RowsService):
    """The rows of a node whose versions may all leave: parcels are put there by the test."""

    def check_leaves(self, version_id):
        return None


class RowsNode:
    """A connector on a port of its own; made again in the same folder, it goes on."""

    def __init__(
        self, folder: Path, port: int, settings: PlaneSettings = QUICK, tls=None, **more
    ) -> None:
        self.did, self.folder, self.moving = did_of(port), folder, threading.Event()
        ground = make_ground(folder, self.did, known_as=folder.name)
        clock = SystemClock()
        ground.clock = ground.journal._clock = clock
        hasty(ground.database)
        self.ground = ground
        self.http = PeerHttp(HttpSettings(loopback=True, ca_file=tls[0] if tls else None))
        self.node = DspNode(Network(), ground, wire=self.http)
        self.rows = SeededRows(
            ground.journal,
            clock,
            ground.ids,
            vault=Vault(folder / "vault", ground.keys),
            deid=DeidService(ground.keys),
            catalogue=None,
            participant=Participant(self.did, "Node", Seat.HK),
            check_agreement=self.node.policy.check_not_ended,
        )
        self.plane = HttpPlane(
            PlaneDesk(
                journal=ground.journal,
                clock=clock,
                ids=ground.ids,
                keys=ground.keys,
                http=self.http,
                courier=Courier(self.http, self.node.identity),
                rows=self.rows,
                control=lambda: self.node.transfer,
                doors=f"{self.node.base}/rows",
                token=secret_token,
                settings=settings,
            )
        )
        self.node.plane = self.plane
        self.node.restart()
        self.dataplane = self.plane
        handlers = {
            **self.node.handlers,
            "dataplane.fetch": self.plane.fetch,
            "dataplane.send": self.plane.send,
        }
        self.runner = Runner(ground.journal, clock, handlers)
        ground.journal.on_tasks = self.runner.wake
        files = {"ssl_certfile": str(tls[0]), "ssl_keyfile": str(tls[1])} if tls else {}
        app = Starlette(routes=[*dsp.routes(self.node), *rows.routes(self), *_controls(self)])
        self._served = Served(app, port, **files, **more)

    def agree(self, provider: str, consumer: str, policy=FREE) -> None:
        """Have the one agreement between the two nodes."""
        role = "provider" if provider == self.did else "consumer"
        with self.ground.journal.write(by="system:test", did="agreement.signed", to="x:y") as tx:
            self.node.policy.record_agreement(
                tx,
                Agreement(
                    AGREEMENT, role, "ds_rows", VERSION, provider, consumer, policy, "offer_1",
                    "2026-03-01T00:00:00.000Z",
                ),
            )  # fmt: skip

    def seed(self, size: int) -> str:
        """Put a parcel of that size into the vault; return its SHA-256."""
        name = self.ground.ids.new("par")
        vault = self.rows._vault
        vault.keys.create(name)
        with vault.writing(f"{name}/rows", name) as deposit:
            out = Hashing(deposit.file)
            for start in range(0, size, MEBIBYTE):
                out.write(content_of(min(MEBIBYTE, size - start), seed=start))
        parcel = Parcel(
            name, AGREEMENT, VERSION, "rows.zip", "application/zip", out.sha256,
            deposit.stored, iso(self.ground.clock.now()),
        )  # fmt: skip
        with self.ground.journal.write(by="system:test", did="parcel.made", to=name) as tx:
            store.add_parcel(tx.connection, parcel)  # of a version this node does not hold
        return out.sha256

    def ask(self, name: str) -> str:
        """Ask for the rows in a format; return the transfer's pid."""
        return self.node.transfer.request_rows(AGREEMENT, name, by=RESEARCHER).pid

    def copies(self) -> list[bytes]:
        """Return the content of every copy that arrived whole."""
        with self.ground.database.reading() as conn:
            found = store.list_derived(conn, agreement_id=AGREEMENT)
        contents = []
        for one in found:
            _, file = self.rows.open_copy(one.id, by=RESEARCHER)
            contents.append(file.read())
            file.close()
        return contents

    def drafts(self) -> list[str]:
        """Return the names of what has arrived in part, and of what lies in the vault for it."""
        return [one.name for one in self.rows._vault._drafts.glob("*")]

    def start(self) -> "RowsNode":
        self._served.start()
        self.runner.start()
        return self

    def stop(self) -> None:
        self.runner.stop()
        self._served.stop(at_once=True)
        for pid in tuple(self.plane.receiving._drafts):
            self.plane.receiving.forget(pid)
        self.http.close()
        self.ground.close()


def _controls(node: RowsNode) -> list[Route]:
    """Return the doors by which a test drives a node in another process."""

    async def act(request: Request) -> Response:
        said = await request.json()
        answer = await run_in_threadpool(_ACTS[request.path_params["act"]], node, **said)
        return Response(msgspec.json.encode(answer))

    return [Route("/test/{act}", act, methods=["POST"])]


def _end(node: RowsNode) -> None:
    node.node.policy.end_agreement(AGREEMENT, "over", by=STEWARD)
    node.node.transfer.on_agreement_ended(AGREEMENT)


def _copies(node: RowsNode) -> list[tuple[int, str]]:
    return [(len(one), hashlib.sha256(one).hexdigest()) for one in node.copies()]


def _forget(node: RowsNode) -> None:
    """Make room on the disk: the copies that arrived are not looked at again."""
    for path in (node.folder / "vault" / "objects").glob("der_*/content"):
        path.unlink()


def drafts_size(folder: Path) -> int:
    """Return how many bytes of copies that are not whole lie in a node's folder."""
    return sum(file.stat().st_size for file in (folder / "vault" / "drafts").glob("*"))


def _hold(node: RowsNode) -> None:
    """Let the worker of a fetch or a push stand still after some MiB, until `go_on`."""
    sent = itertools.count(1)

    def pause(is_enough: Callable[[], bool]) -> Callable[[], None]:
        return lambda: node.moving.wait() if is_enough() else None

    node.moving.clear()
    arm("dataplane.fetched_piece", pause(lambda: drafts_size(node.folder) > 4 * MEBIBYTE))
    arm("dataplane.sent_piece", pause(lambda: next(sent) > 5))


_ACTS = {
    "hold": _hold,
    "go_on": lambda node: node.moving.set(),
    "agree": RowsNode.agree,
    "seed": RowsNode.seed,
    "ask": lambda node, name: node.ask(name),
    "flow": lambda node, pid: node.plane.progress(pid),
    "transfers": lambda node: node.node.transfer.list_transfers(),
    "copies": _copies,
    "drop": lambda node: node.rows.drop_parcels(agreement_id=AGREEMENT),
    "forget": _forget,
    "end": _end,
}


class RowsProcess:
    """A RowsNode in a process of its own, to be killed; `tls` is (certificate, key)."""

    def __init__(self, folder: Path, tls: tuple[Path, Path] | None = None) -> None:
        self.folder, self.port, self.tls = folder, free_port(), tls
        self.did = did_of(self.port)
        self.start()

    def start(self) -> None:
        given = [str(self.folder), str(self.port), *map(str, self.tls or ())]
        with Path(os.devnull).open() as nothing:
            self.process = warmed("lib.rows_live:main").start(
                given, files=(nothing.fileno(), 1, 2), environment=os.environ
            )
        for _ in range(3000):
            assert self.process.poll() is None
            try:
                self.ask("transfers")
            except httpx.TransportError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError("the process does not answer")

    def ask(self, act: str, **said):
        url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/test/{act}"
        answer = httpx.post(url, json=said, timeout=300, verify=False)
        answer.raise_for_status()
        return answer.json()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def main() -> None:
    """Serve one node until killed."""
    tls = tuple(map(Path, sys.argv[3:5]))
    if tls:
        dsp_nodes.SCHEME = "https"
    settings = PlaneSettings() if tls else QUICK
    node = RowsNode(Path(sys.argv[1]), int(sys.argv[2]), settings, tls).start()
    print(json.dumps({"did": node.did}), flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()


def wait(question, seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = question()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("it never happened")


def over(node, pid):
    one = node.node.transfer.get(pid)
    return one if one.state.value in {"COMPLETED", "TERMINATED"} else None


def mirror(node):
    return node.node.transfer.list_transfers()[0].pid


def started(pair, name=HTTP_PULL):
    """Start a transfer without letting its worker run; return (provider's pid, consumer's pid)."""
    hospital, faculty = pair
    for node in pair:
        node.runner._handlers = {
            key: handler
            for key, handler in node.runner._handlers.items()
            if key not in {"dataplane.fetch", "dataplane.send"}
        }
    pid = faculty.ask(name)
    wait(lambda: faculty.node.transfer.get(pid).state.value == "STARTED")
    wait(lambda: (found := hospital.plane.progress(mirror(hospital))) and found.started_at)
    wait(lambda: (found := faculty.plane.progress(pid)) and found.started_at)
    return mirror(hospital), pid


def opened(node, pid, **headers):
    """Return (url, headers with a fresh token) of a flow's door."""
    address = node.plane._desk.grant(pid)
    return address.endpoint, {"authorization": address.properties["authorization"], **headers}
