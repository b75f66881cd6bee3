"""The path through the code names only places, machines and events that are there."""

import ast
import re
from pathlib import Path

import pytest

from tidegate.node.events import all_events

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "follow-one-dataset.md").read_text(encoding="utf-8")
MACHINES = (ROOT / "docs" / "reference" / "machines.md").read_text(encoding="utf-8")
PLACES = sorted(set(re.findall(r"`([a-z_/]+\.py):(\w+)`", PAGE)))
ROWS = [line.split("|")[1:-1] for line in PAGE.splitlines() if line.startswith("| ")]


def defined_in(path):
    tree = ast.parse((ROOT / "src" / "tidegate" / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_the_page_names_places_at_all():
    assert len(PLACES) > 60


@pytest.mark.parametrize(("path", "method"), PLACES, ids=[":".join(each) for each in PLACES])
def test_every_named_place_exists(path, method):
    assert method in defined_in(path)


def test_every_named_event_is_declared():
    named = {event for row in ROWS for event in re.findall(r"`([a-z_]+\.[a-z_]+)`", row[3])}

    assert set() == named - set(all_events())


def test_every_named_machine_exists():
    cells = {row[2].strip() for row in ROWS} - {"", "machine"}
    named = {name.strip() for cell in cells for name in cell.split(",")}

    assert [] == [name for name in named if f"\n## {name}\n" not in MACHINES]
