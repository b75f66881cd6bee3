"""The demonstration, told once by a process of its own for every test that looks at it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
TOLD_WITHIN = 240.0
STOPPED_WITHIN = 40.0
NODES = ("authority", "faculty", "hospital")


@dataclass(frozen=True)
class Story:
    """A told story whose nodes are serving."""

    place: Path
    links: tuple[dict, ...]
    process: subprocess.Popen

    @property
    def said(self) -> str:
        """Return what it has printed so far."""
        return output_of(self.place).read_text(encoding="utf-8")

    @property
    def bundle(self) -> Path:
        return self.place / "evidence.zip"

    @property
    def trust(self) -> Path:
        return self.place / "space.json"

    def home(self, node: str) -> Path:
        return self.place / node

    def base_url(self, node: str) -> str:
        url = next(link["url"] for link in self.links if link["node"] == node)
        return url.partition("/sign-in/")[0]

    def link(self, key: str) -> str:
        """Return the one-time sign-in link of one person of the story."""
        return next(link["url"] for link in self.links if link["key"] == key)


def output_of(place: Path) -> Path:
    return place.with_name(f"{place.name}.out")


def demo(place: Path, *arguments: str, **options) -> subprocess.Popen:
    """Start the demonstration as `make demo` does; Ctrl-C works however the tests were started."""
    path = os.pathsep.join((str(ROOT / "demo"), os.environ.get("PYTHONPATH", "")))
    return subprocess.Popen(
        [sys.executable, "-m", "tidegate_demo", "--place", str(place), *arguments],
        env={**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        start_new_session=True,
        **options,
    )


def processes_of(place: Path) -> list[psutil.Process]:
    """Return every process whose command line names the place."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(place) in word for word in process.cmdline()):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


@contextmanager
def telling(place: Path) -> Iterator[Story]:
    """Tell the story, yield it while its nodes serve, press Ctrl-C and see everything end."""
    with output_of(place).open("wb") as out:
        process = demo(place, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield Story(place, _await_links(place, process), process)
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=STOPPED_WITHIN)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=STOPPED_WITHIN)
    assert code == 0, output_of(place).read_text(encoding="utf-8")[-2000:]
    assert [] == processes_of(place)


def _await_links(place: Path, process: subprocess.Popen) -> tuple[dict, ...]:
    began = time.monotonic()
    while time.monotonic() - began < TOLD_WITHIN:
        said = output_of(place).read_text(encoding="utf-8", errors="replace")
        assert process.poll() is None, said[-3000:]
        if "Press Ctrl-C" in said:
            return tuple(json.loads((place / "links.json").read_text(encoding="utf-8")))
        time.sleep(0.1)
    raise AssertionError(f"the story takes too long: {said[-3000:]}")


def hidden(html: str) -> dict[str, str]:
    """Return the hidden fields of the page's forms."""
    fields = {}
    for field in re.findall(r"<input[^>]*type=\"?hidden[^>]*>", html):
        name = re.search(r'name="([^"]+)"', field)
        value = re.search(r'value="([^"]*)"', field)
        if name and value:
            fields[name[1]] = value[1]
    return fields
