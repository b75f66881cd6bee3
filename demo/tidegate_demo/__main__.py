"""`make demo`: tells the story, leaves the evidence, serves the pages until Ctrl-C."""

import argparse
import io
import json
import os
import signal
import sys
import time
from pathlib import Path

from tidegate_client.errors import NodeError
from tidegate_demo.narrator import Narrator
from tidegate_demo.nodes import DemoError, Stage, tidegate_command
from tidegate_demo.people import CASTS, links
from tidegate_demo.story import go_on, tell

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Tell the story; return the exit code."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--no-serve", action="store_true", help="stop the nodes at the end")
    parser.add_argument("--place", type=Path, default=ROOT / "var" / "demo")
    options = parser.parse_args()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal may lack characters of a name
            stream.reconfigure(errors="replace")
    narrator = Narrator()
    for stop in (signal.SIGINT, signal.SIGTERM):  # also where a shell started us in the background
        signal.signal(stop, signal.default_int_handler)
    try:
        with Stage(options.place, tidegate_command()) as stage:
            with narrator.working("three institutions start a node each"):
                nodes = stage.start(CASTS)
            scene = tell(narrator, stage, nodes, ROOT / "demo" / "data")
            verified = _verify(narrator, stage)
            narrator.say(f"The story took {narrator.elapsed:.0f} s.")
            if verified and not options.no_serve:
                go_on(scene)
                _serve(narrator, stage, links(nodes, scene.players))
            return 0 if verified else 1
    except (DemoError, NodeError) as problem:
        print(f"\nThe demonstration stopped: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the evidence stays in var/demo.")
        return 0


def _verify(narrator: Narrator, stage: Stage) -> bool:
    narrator.chapter("A stranger checks everything, offline")
    bundle, trust = stage.place / "evidence.zip", stage.place / "space.json"
    command = f"tidegate evidence verify {_near(bundle)} --trust {_near(trust)}"
    narrator.say(f"$ {command}")
    report = stage.tidegate("evidence", "verify", str(bundle), "--trust", str(trust))
    for line in report.splitlines()[:14]:
        narrator.say(f"  {line}")
    narrator.say("  … (run the command yourself for the whole life report)")
    return True


def _serve(narrator: Narrator, stage: Stage, made: list[dict[str, object]]) -> None:
    narrator.chapter("The nodes' pages are yours")
    place = stage.place / "links.json"
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(made, file, ensure_ascii=False, indent=1)
    for cast in CASTS:
        narrator.say(cast.name)
        for link in made:
            if link["node"] == cast.key:
                roles = link["roles"]
                shown = ", ".join(roles) if isinstance(roles, list) else ""
                narrator.say(f"  {link['name']} ({shown})")
                narrator.say(f"    {link['url']}")
    narrator.say("Each link signs one person in, once. Press Ctrl-C to stop the nodes.")
    while stage.all_alive():
        time.sleep(0.5)
    raise DemoError("A node ended by itself; its log is in var/demo.")


def _near(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


if __name__ == "__main__":
    sys.exit(main())
