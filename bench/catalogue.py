"""The catalogue for peers: requests a second of one core, and the cost of a dataset, by size.

`python bench/catalogue.py` writes var/bench/catalogue.json. A node on disk offers 17, 1,000 and
10,000 datasets under research policies, one in ten reserved for others. The peer is a bare
Starlette application on the same server that sends the same bytes, from memory. Requests per core
are counted by the processor time of the server, so that what else the machine does counts for
neither; who calls is not proven here, since proof costs the same however large a catalogue is.
"""

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / one) for one in ("src", "tests")]

from rooms.catalogue.records import make_dataset, make_version  # noqa: E402
from tidegate.access.model import Participant, Seat  # noqa: E402 - after the path is set
from tidegate.catalogue import store  # noqa: E402
from tidegate.catalogue.model import Offer, OfferState  # noqa: E402
from tidegate.connector.model import Peer  # noqa: E402
from tidegate.node.build import create_node, open_node  # noqa: E402
from tidegate.node.fittings import Fittings  # noqa: E402
from tidegate.node.server import serve_fitted  # noqa: E402
from tidegate.policy.service import research_policy  # noqa: E402
from tidegate.settings import NodeRole, NodeSettings, did_for, write_settings  # noqa: E402

SIZES = (17, 1000, 10_000)
PAGE = 50  # what an EDC asks for
WHOLE = 1000  # the largest page
REQUESTS = 100
TICKS = os.sysconf("SC_CLK_TCK")
READER, OTHER = "did:web:reader", "did:web:other"
PASSPHRASE = "bench"
Row = dict[str, object]
BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

content = open(sys.argv[2], "rb").read()

async def answer(request):
    await request.body()
    return Response(content, media_type="application/json")

app = Starlette(routes=[Route("/dsp/2025-1/catalog/request", answer, methods=["POST"]),
                        Route("/health/ready", answer)])
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
"""


@dataclass(frozen=True)
class Anybody:
    """Whoever calls is the reader; all else is the node's own."""

    own: Any

    def __getattr__(self, name: str) -> Any:
        """Return what the node's own identity room has."""
        return getattr(self.own, name)

    def authenticate(self, _authorization: str | None) -> Peer:
        """Return the reader."""
        return Peer(READER, "Reader", Seat.HK, "participant", ())


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_home(home: Path, port: int, count: int) -> None:
    """Make a node with so many offered datasets."""
    address, passphrase = f"http://localhost:{port}", home / "passphrase"
    home.mkdir()
    passphrase.touch(mode=0o600)
    passphrase.write_text(PASSPHRASE, encoding="utf-8")
    settings = NodeSettings(
        home=home,
        name="Bench",
        participant=Participant(did_for(address), "Bench", Seat.HK),
        role=NodeRole.PARTICIPANT,
        host="127.0.0.1",
        port=port,
        base_url=address,
        database_url=f"sqlite:///{home}/node.db",
        passphrase_file=passphrase,
    )
    write_settings(settings)
    create_node(settings)
    ours, theirs = research_policy(), research_policy(assignees=(OTHER,))
    with (
        open_node(home) as node,
        node.journal.write(by="system:bench", did="dataset.described", to="dataset:all") as tx,
    ):
        for number in range(count + count // 10):
            name, version = f"ds_{number:06}", f"ver_{number:06}"
            policy = theirs if number % 11 == 10 else ours
            store.add_dataset(tx.connection, make_dataset(name))
            store.add_version(tx.connection, make_version(version, name))
            offer = Offer(
                *(f"offer_{number:06}", name, version, policy, OfferState.PUBLISHED),
                *(("Tidegate-Visit",), "person:bench", tx.at),
            )
            store.add_offer(tx.connection, offer)


@contextmanager
def serving(command: list[str], port: int) -> Iterator[int]:
    """Run a server until the block ends; yield its process id once it answers."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 120
        while not answers(port):
            if time.monotonic() > until or process.poll() is not None:
                raise TimeoutError(command[0])
            time.sleep(0.05)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def answers(port: int) -> bool:
    """Tell whether a server is ready."""
    try:
        with urllib.request.urlopen(f"http://localhost:{port}/health/ready", timeout=5):
            return True
    except (OSError, urllib.error.URLError):
        return False


def measure(pid: int, port: int, page: int) -> tuple[float, list[float], bytes]:
    """Ask again and again; return requests a second of the server's core, times, and an answer."""
    query = {"@type": "QuerySpec", "offset": 0, "limit": page, "sortOrder": "ASC"}
    message = {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "@type": "CatalogRequestMessage",
        "filter": [query | {"filterExpression": []}],
    }
    url = f"http://localhost:{port}/dsp/2025-1/catalog/request"
    with httpx.Client(timeout=120, headers={"Authorization": "Bearer any"}) as client:
        for _ in range(5):
            answer = client.post(url, json=message).raise_for_status()
        before, took = processor_seconds(pid), []
        for _ in range(REQUESTS):
            began = time.perf_counter()
            client.post(url, json=message).raise_for_status()
            took.append((time.perf_counter() - began) * 1000)
        used = processor_seconds(pid) - before
    return REQUESTS / max(used, 1 / TICKS), took, answer.content


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process and its threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def compare(folder: Path, count: int, page: int) -> tuple[list[Row], float]:
    """Measure one size beside the bare application; return rows, and microseconds a dataset."""
    home, port, bare_port = folder / f"{count}", free_port(), free_port()
    if not home.exists():
        make_home(home, port, count)
    else:
        port = int(json.loads((home / "port").read_text()))
    (home / "port").write_text(str(port))
    with serving([sys.executable, __file__, "serve", str(home)], port) as pid:
        ours, took, content = measure(pid, port, page)
    found = len(json.loads(content)["dataset"])
    if found != min(count, page):
        raise RuntimeError(f"a page of {found} datasets, not {page}")
    same = folder / "content"
    same.write_bytes(content)
    with serving([sys.executable, "-c", BARE, str(bare_port), str(same)], bare_port) as pid:
        bare, bare_took, _ = measure(pid, bare_port, page)
    name = f"{found} of {count} datasets"
    goal = 1000 if count == SIZES[0] else None
    rows = [
        row(
            f"requests/s per core, {name}", ours, bare, "1/s", goal and "1,000", ours >= (goal or 0)
        ),
        row(f"p50, {name}", *(statistics.median(one) for one in (took, bare_took)), "ms"),
        row(f"p99, {name}", *(percentile(one, 0.99) for one in (took, bare_took)), "ms"),
    ]
    return rows, 1e6 / ours / found


def percentile(values: list[float], share: float) -> float:
    """Return the value that this share of all stays under."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def row(
    measured: str,
    ours: float,
    peer: float,
    unit: str,
    goal: str | None = None,
    met: bool = True,  # noqa: FBT001, FBT002 - a column of the report
) -> Row:
    """Return one line of the report."""
    return {
        "measure": measured,
        "ours": round(ours, 3),
        "peer": round(peer, 3),
        "ratio": round(ours / peer, 3),
        "unit": unit,
        "goal": goal,
        "met": met if goal else None,
    }


def main() -> int:
    """Measure, print, write; exit 1 where a goal was missed."""
    rows, costs = [], {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for count in SIZES:
            found, _ = compare(folder, count, PAGE)
            rows += found
        for count in SIZES[1:]:
            found, costs[count] = compare(folder, count, WHOLE)
            rows += found
    flat = costs[SIZES[2]] / costs[SIZES[1]] <= 1.3
    words = f"a dataset among {SIZES[2]}, against one among {SIZES[1]}"
    rows.append(row(words, costs[SIZES[2]], costs[SIZES[1]], "µs", "flat (1.3x)", flat))
    target = ROOT / "var" / "bench" / "catalogue.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    for each in rows:
        print(each)
    return 1 if any(each["met"] is False for each in rows) else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve_fitted(Path(sys.argv[2]), Fittings(identity=Anybody))
    else:
        sys.exit(main())
