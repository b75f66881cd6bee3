"""Run the official conformance kits against a node of this working copy, and count.

Arguments are names of kits (all without). KITS names a directory with the jars of kits that are on
disk already: KITS/dsp/*.jar and so on; otherwise Maven fetches them. Each run has a fresh node in
var/tck/<run>, with the logs of node and kit beside it.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
VAR = ROOT / "var" / "tck"
READY_WITHIN = 120.0
RUN_WITHIN = 600.0
STOP_WITHIN = 20.0
FETCH_WITHIN = 600.0


@dataclass(frozen=True, slots=True)
class Kit:
    """A kit's jars, and how many tests of each run it declares."""

    name: str
    title: str
    launcher: str
    edition: str
    jars: Path
    passes: dict[str, int]
    runs: tuple[dict[str, Any], ...]
    profiles: dict[str, str]


class KitMissingError(Exception):
    """No edition of a kit can be had."""


class NodeDeadError(Exception):
    """The node did not come up."""


def main() -> int:
    """Run what was asked for; return 0 only when every count is exactly the declared one."""
    declared = tomllib.loads((HERE / "kits.toml").read_text(encoding="utf-8"))
    names = sys.argv[1:] or list(declared)
    strange = [name for name in names if name not in declared]
    if strange:
        print(f"There is no kit {', '.join(strange)}; there are {', '.join(declared)}.")
        return 2
    lines: list[str] = []
    is_green = True
    for name in names:
        try:
            kit = find_kit(name, declared[name])
        except KitMissingError as problem:
            lines.append(f"{name}: {problem}")
            is_green = False
            continue
        print(f"== {kit.title}: {kit.edition}", flush=True)
        for run in kit.runs:
            try:
                line, is_exact = run_kit(kit, run)
            except NodeDeadError as problem:
                line, is_exact = f"{run['name']}: {problem}", False
            lines.append(line)
            is_green = is_green and is_exact
    print("\n".join(lines))
    return 0 if is_green else 1


def find_kit(name: str, declared: dict[str, Any]) -> Kit:
    """Return a kit from disk or from the registry; raise KitMissingError, naming what was tried."""
    editions = declared["editions"]
    on_disk = os.environ.get("KITS")
    if on_disk:
        jars = Path(on_disk) / name
        if not any(jars.glob("*.jar")):
            raise KitMissingError(f"no jars in {jars}")
        edition = {**editions[0], "coordinate": f"{editions[0]['coordinate']} (on disk)"}
        return _kit(name, declared, edition, jars)
    for edition in editions:
        jars = VAR / "lib" / Path(edition["pom"]).stem
        if fetch(edition, jars):
            return _kit(name, declared, edition, jars)
        print(f"{name}: {edition['coordinate']} is not to be had from the registry.", flush=True)
    raise KitMissingError("not to be had from the registry")


def _kit(name: str, declared: dict[str, Any], edition: dict[str, Any], jars: Path) -> Kit:
    return Kit(
        name,
        declared["title"],
        declared["launcher"],
        edition["coordinate"],
        jars,
        edition["passes"],
        tuple(declared["runs"]),
        edition.get("profiles", {}),
    )


def fetch(edition: dict[str, Any], jars: Path) -> bool:
    """Have Maven put an edition's jars into a directory; return whether it could."""
    done = jars / "complete"
    if done.exists():
        return True
    shutil.rmtree(jars, ignore_errors=True)
    goal = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={jars}")
    pom = HERE / "poms" / edition["pom"]
    answer = subprocess.run(
        ["mvn", "-q", "-B", "-f", str(pom), *goal],
        check=False,
        capture_output=True,
        text=True,
        timeout=FETCH_WITHIN,
    )
    if answer.returncode == 0:
        done.touch()
        return True
    VAR.mkdir(parents=True, exist_ok=True)
    (VAR / f"fetch-{pom.stem}.log").write_text(answer.stdout + answer.stderr, encoding="utf-8")
    return False


def run_kit(kit: Kit, run: dict[str, Any]) -> tuple[str, bool]:
    """Run one part of a kit against a fresh node; return its line and whether it is green."""
    name, expected = run["name"], kit.passes[run["name"]]
    place = VAR / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    node_port, kit_port = free_ports(2)
    profile = kit.profiles.get(name, run["profile"])
    with served(profile, place, node_port, kit_port):
        command = ["java", "-cp", f"{kit.jars}/*", str(HERE / "Run.java"), name, str(expected)]
        command += [kit.launcher, ",".join(run["packages"]), str(place / "home/kit.properties")]
        try:
            done = subprocess.run(
                command, check=False, capture_output=True, text=True, timeout=RUN_WITHIN
            )
        except subprocess.TimeoutExpired:
            return f"{name}: did not end within {RUN_WITHIN:.0f} s, see {place}", False
    (place / "kit.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    said = done.stdout.splitlines()
    print("\n".join(line for line in said if line.startswith(("FAILED ", "skipped "))), flush=True)
    counted = [line for line in said if line.startswith(f"{name}: ")]
    if not counted:
        return f"{name}: the kit ended without counting, see {place / 'kit.log'}", False
    if done.returncode != 0:
        print(f"{name}: {expected} must pass; see {place / 'kit.log'} and node.log there.")
    return counted[-1], done.returncode == 0


@contextmanager
def served(profile: str, place: Path, node_port: int, kit_port: int) -> Iterator[None]:
    """Serve a fresh node with a profile of the test plugin while the body runs."""
    command = [sys.executable, "-m", "tidegate_tck", profile, "--home", str(place / "home")]
    command += ["--port", str(node_port), "--kit", f"http://localhost:{kit_port}"]
    paths = os.pathsep.join((str(ROOT / "src"), str(HERE)))
    with (place / "node.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": paths}
        )
        try:
            _wait_ready(process, f"http://localhost:{node_port}/health/ready", place)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_ready(process: subprocess.Popen[bytes], url: str, place: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise NodeDeadError(f"the node did not start, see {place / 'node.log'}")


def free_ports(count: int) -> tuple[int, ...]:
    """Return ports nobody listens on now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = tuple(one.getsockname()[1] for one in held)
    for one in held:
        one.close()
    return ports


if __name__ == "__main__":
    raise SystemExit(main())
