"""The authority's rotation, killed at every line: it starts, and keys and history agree."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import lib
from lib.nodes import make_home
from tidegate.access.model import Actor
from tidegate.node.build import open_node
from tidegate.partners.model import SpaceProfile
from tidegate.settings import NodeRole


@pytest.mark.slow
def test_a_rotation_killed_at_any_line_leaves_a_node_that_starts_and_proves_itself(tmp_path):
    home = make_home(tmp_path / "home", NodeRole.AUTHORITY)
    with open_node(home) as node:
        first = node.keys.identity_kid
        node.house.joining.create_space(
            "Pearl", SpaceProfile.LOOPBACK, by=Actor("system:cli", "cli")
        )
    program = Path(next(iter(lib.__path__))) / "rotation_kill.py"

    ran = subprocess.run(
        [sys.executable, program, home, tmp_path], capture_output=True, text=True, check=True
    )

    deaths = [json.loads(line) for line in ran.stdout.splitlines()]
    assert {-9} == {each["ended"] for each in deaths[:-1]}
    assert 0 == deaths[-1]["ended"]
    assert len(deaths) > 20
    for each in deaths:
        assert (0, False) == (each["looked"], each["staged"]), each
        assert each["kid"] == each["history"] == (each["recorded"] or [first])[0], each
    assert {0, 1} == {len(each["recorded"]) for each in deaths}
