"""What tests fork from a warm process answers, and ends, as what is started from nothing."""

import signal
import subprocess
import sys

import httpx
import pytest

from lib.nodes import NodeProcess, tidegate, wait_until
from lib.warm import warmed


@pytest.mark.parametrize(
    "given",
    [["--version"], ["frobnicate"], ["serve"], ["doctor", "--home", "nowhere"], ["deid", "--help"]],
    ids=" ".join,
)
def test_a_forked_command_answers_as_one_from_nothing(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = subprocess.run(
        [sys.executable, "-m", "tidegate", *given], capture_output=True, text=True, check=False
    )

    one = tidegate(*given)

    assert (other.returncode, other.stderr) == (one.returncode, one.stderr)
    assert other.stdout == one.stdout


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_script_that_stops_the_command_stops_the_node(number, tmp_path):
    node = NodeProcess(tmp_path / "node", "Node", "HK", "participant")
    program = warmed().command(tmp_path / "tidegate")

    process = subprocess.Popen(
        [program, "serve", "--home", node.home],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(node.is_ready, what="readiness")
    process.send_signal(number)

    assert 0 == process.wait(60)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{node.base_url}/health/ready")
