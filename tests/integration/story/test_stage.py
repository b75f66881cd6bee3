"""The stage of the demonstration: what it started it stops, however the start ends."""

import fcntl
import os
from pathlib import Path

import pytest

from tidegate_demo.nodes import Cast, DemoError, Stage

COMMAND = """#!/bin/sh
# Stands in for `tidegate`: one node starts, then the making of the other fails.
if [ "$1" = serve ]; then echo $$ > "$3/pid.new"; mv "$3/pid.new" "$3/pid"; exec sleep 600; fi
case "$2" in
*/broken) until [ -e "$(dirname "$2")/good/pid" ]; do sleep 0.05; done; exit 3 ;;
esac
mkdir "$2" && echo token > "$2/operator.token"
echo '{"did": "did:web:localhost", "base_url": "http://localhost:1"}'
"""


def test_a_start_that_is_broken_off_leaves_no_node_behind(tmp_path: Path):
    command = tmp_path / "tidegate"
    command.write_text(COMMAND, encoding="utf-8")
    command.chmod(0o700)
    casts = tuple(Cast(key, key, "HK", "participant") for key in ("broken", "good"))

    with pytest.raises(DemoError), Stage(tmp_path / "demo", command) as stage:
        stage.start(casts)

    pid = int((tmp_path / "demo" / "good" / "pid").read_text(encoding="utf-8"))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_home_that_somebody_serves_is_not_rebuilt(tmp_path: Path):
    home = tmp_path / "demo" / "hospital"
    home.mkdir(parents=True)
    with (home / "serve.lock").open("a+", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        with (
            pytest.raises(DemoError, match="hospital is served still"),
            Stage(tmp_path / "demo", tmp_path / "tidegate"),
        ):
            pass
        assert home.exists()

    with Stage(tmp_path / "demo", tmp_path / "tidegate") as stage:
        assert [] == list(stage.place.iterdir())
