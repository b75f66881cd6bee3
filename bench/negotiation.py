"""From the request to FINALIZED on both sides, between two nodes over HTTP on loopback.

`python bench/negotiation.py` writes var/bench/negotiation.json. Ours is a whole negotiation: four
messages, each validated, each committed with its evidence and fsync on both sides, each leaving
through the durable outbox. The peer is the same number of bare HTTP calls, by the same client to
the same servers in the same run: what the wire alone costs. Identity is the plain one of the
tests, so that the figure is that of the connector; DCP adds its (cached) presentation.
"""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from lib.dsp_live import live_pair, wait_for  # noqa: E402 - after the path is set
from lib.dsp_nodes import RESEARCHER, DspNode  # noqa: E402

RUNS = 100
WARM_UP = 5
MESSAGES = 4
GOAL_MS = 300.0


def negotiate(hospital: DspNode, faculty: DspNode) -> float:
    """Return the milliseconds one negotiation takes until both sides hold the agreement."""
    began = time.perf_counter()
    pid = faculty.negotiation.request(hospital.did, "ds_1", by=RESEARCHER).pid
    wait_for(lambda: faculty.negotiation.get(pid).state.value == "FINALIZED")
    mirror = faculty.negotiation.get(pid).peer_pid
    wait_for(lambda: hospital.negotiation.get(mirror).state.value == "FINALIZED")
    return (time.perf_counter() - began) * 1000


def call_bare(hospital: DspNode, faculty: DspNode) -> float:
    """Return the milliseconds of as many bare calls, to and fro."""
    began = time.perf_counter()
    for _ in range(MESSAGES // 2):
        faculty.wire.get(f"{hospital.base}/.well-known/dspace-version")
        hospital.wire.get(f"{faculty.base}/.well-known/dspace-version")
    return (time.perf_counter() - began) * 1000


def percentile(values: list[float], share: float) -> float:
    """Return the value that this share of all stays under."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main() -> int:
    """Run, print and write the figures; exit 1 where the goal was missed."""
    with (
        tempfile.TemporaryDirectory() as folder,
        live_pair(Path(folder)) as (hospital, faculty),
    ):
        faculty.knows(hospital, hospital.publish())
        for _ in range(WARM_UP):
            negotiate(hospital, faculty)
        ours, bare = [], []
        for _ in range(RUNS):
            ours.append(negotiate(hospital, faculty))
            bare.append(call_bare(hospital, faculty))
    rows = [
        row("negotiation to FINALIZED, p50", statistics.median(ours), statistics.median(bare)),
        row("negotiation to FINALIZED, p95", percentile(ours, 0.95), percentile(bare, 0.95)),
    ]
    target = ROOT / "var" / "bench" / "negotiation.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(rows, indent=2) + "\n")
    for one in rows:
        print(f"{one['measure']}: {one['ours']} ms (bare calls {one['peer']} ms)")
    return 0 if all(one["met"] for one in rows) else 1


def row(measure: str, ours: float, bare: float) -> dict[str, object]:
    """Return one line of the report."""
    return {
        "measure": measure,
        "ours": round(ours, 1),
        "peer": round(bare, 1),
        "ratio": round(ours / bare, 1),
        "unit": "ms",
        "goal": f"< {GOAL_MS:.0f} ms",
        "met": ours < GOAL_MS,
    }


if __name__ == "__main__":
    sys.exit(main())
