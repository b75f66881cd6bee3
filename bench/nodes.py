"""Real node processes: start, idle memory, and a negotiation with everything on.

`python bench/nodes.py` writes var/bench/nodes.json. Three nodes are started as the demonstration
starts them, with TLS-less loopback HTTP, real DCP credentials, the shipped rule pack and fsync at
every commit; one agreement is negotiated a hundred times. The peer is a bare Starlette application
on uvicorn in the same run: its start, its memory, and as many bare HTTP calls as a negotiation has
messages.
"""

import contextlib
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # nodes run compiled, as jars and wheels are
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "demo")]

from tidegate_demo import story  # noqa: E402 - after the path is set
from tidegate_demo.narrator import Narrator  # noqa: E402
from tidegate_demo.nodes import Stage, tidegate_command  # noqa: E402
from tidegate_demo.people import CASTS, bring_in  # noqa: E402
from tidegate_demo.scenes import Scene  # noqa: E402

RUNS = 100
MESSAGES = 4  # request, agreement, verification, finalized event
BARE = """
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

async def ready(request):
    return PlainTextResponse("ready")

app = Starlette(routes=[Route("/health/ready", ready)])
uvicorn.run(app, host="127.0.0.1", port={port}, log_level="error")
"""


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def until_ready(command: list[str], port: int) -> tuple[float, subprocess.Popen[bytes]]:
    """Start a server; return the seconds until it answers, and its process."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while time.perf_counter() - began < 60:
        ready = f"http://localhost:{port}/health/ready"
        with contextlib.suppress(OSError), urllib.request.urlopen(ready, timeout=1):
            return time.perf_counter() - began, process
        time.sleep(0.01)
    raise TimeoutError(command[0])


def starts(place: Path) -> list[dict[str, object]]:
    """Measure start and idle memory beside a bare application."""
    ours_port, bare_port = free_port(), free_port()
    tidegate = str(tidegate_command())
    home = place / "node"
    options = ["--name", "Bench", "--seat", "HK", "--port", str(ours_port)]
    subprocess.run([tidegate, "init", str(home), *options], check=True, capture_output=True)
    bare = [sys.executable, "-c", BARE.format(port=bare_port)]
    seconds: dict[str, list[float]] = {"ours": [], "bare": []}
    memory: dict[str, float] = {}
    for _ in range(3):
        for name, command, port in (
            ("ours", [tidegate, "serve", "--home", str(home)], ours_port),
            ("bare", bare, bare_port),
        ):
            took, process = until_ready(command, port)
            time.sleep(3)
            memory[name] = resident_mb(process.pid)
            process.terminate()
            process.wait()
            seconds[name].append(took)
    ours, peer = statistics.median(seconds["ours"]), statistics.median(seconds["bare"])
    return [
        row("start to ready, against a bare application", ours, peer, "s", "under 2 s", ours < 2),
        row(
            "idle memory, against a bare application",
            memory["ours"],
            memory["bare"],
            "MB",
            "near 120 MB",
            memory["ours"] < 140,
        ),
    ]


def negotiations(place: Path) -> list[dict[str, object]]:
    """Negotiate one agreement a hundred times between two real nodes."""
    with Stage(place / "demo", tidegate_command()) as stage, quiet():
        nodes = stage.start(CASTS)
        scene = Scene(Narrator(), stage, nodes, bring_in(nodes))
        story.found_the_space(scene)
        story.become_partners(scene)
        story.take_the_cohort_in(scene, ROOT / "demo" / "data")
        story.find_it_and_apply(scene)
        connector = scene["researcher"].client.connector
        took = []
        for _ in range(RUNS):
            asked = connector.request(
                scene.did("hospital"), scene.dataset, accepts=story.ON_THEIR_WORD
            )
            done = connector.wait_until_final(asked.pid)
            if done.state != "FINALIZED":
                raise RuntimeError(f"{done.state}: {done.reason}")
            took.append(milliseconds(done.created_at, done.changed_at))
        bare = []
        for _ in range(RUNS):
            began = time.perf_counter()
            for _ in range(MESSAGES):
                url = f"{nodes['hospital'].base_url}/.well-known/dspace-version"
                with urllib.request.urlopen(url, timeout=5) as answer:
                    answer.read()
            bare.append((time.perf_counter() - began) * 1000)
    return [
        row(
            f"negotiation to FINALIZED, {name} of {RUNS}, against {MESSAGES} bare calls",
            percentile(took, share),
            percentile(bare, share),
            "ms",
            "under 300 ms",
            percentile(took, share) < 300,
        )
        for name, share in (("p50", 0.5), ("p95", 0.95))
    ]


def milliseconds(start: str, end: str) -> float:
    """Return the milliseconds between two RFC 3339 times."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() * 1000


def percentile(values: list[float], share: float) -> float:
    """Return the value that this share of all stays under."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the story's voice out of the figures."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def row(
    measure: str,
    ours: float,
    peer: float,
    unit: str,
    goal: str,
    met: bool,  # noqa: FBT001 - a column of the report
) -> dict[str, object]:
    """Return one line of the report."""
    return {
        "measure": measure,
        "ours": round(ours, 2),
        "peer": round(peer, 2),
        "ratio": round(ours / peer, 2),
        "unit": unit,
        "goal": goal,
        "met": met,
    }


def main() -> int:
    """Measure, print, write; exit 1 where a goal was missed."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [*starts(Path(folder)), *negotiations(Path(folder))]
    target = ROOT / "var" / "bench" / "nodes.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    for each in rows:
        print(each)
    return 0 if all(each["met"] for each in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
