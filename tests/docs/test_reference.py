"""The generated pages hold everything there is; none can be forgotten."""

import tomllib
from dataclasses import fields, replace
from pathlib import Path

import click
import pytest

from tidegate.access.model import Participant, Seat
from tidegate.api.kit import STATUS
from tidegate.cli.app import EXIT_CODE, cli
from tidegate.node.doors import OPERATIONS
from tidegate.node.events import all_events
from tidegate.settings import FILE, NodeRole, NodeSettings, write_settings

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def page(name):
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def every_command(command=cli, path=("tidegate",)):
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        yield from every_command(command.get_command(context, name), (*path, name))


def test_every_line_of_the_settings_file_is_documented(tmp_path):
    participant = Participant("did:web:localhost%3A1", "Hospital", Seat.HK)
    bare = NodeSettings(
        tmp_path, "Hospital", participant, NodeRole.PARTICIPANT,
        "127.0.0.1", 1, "http://localhost:1", "sqlite:///node.db", Path("passphrase"),
    )  # fmt: skip
    optional = {each.name: Path("x.pem") for each in fields(bare) if each.default is None}
    write_settings(replace(bare, **optional))
    lines = tomllib.loads((tmp_path / FILE).read_text(encoding="utf-8"))

    assert [] == [line for line in lines if f"| `{line}` |" not in page("settings")]


def test_every_event_is_documented():
    assert [] == [code for code in all_events() if f"| `{code}` |" not in page("events")]


def test_every_command_and_option_is_documented():
    missing = []
    for path, command in every_command():
        _, _, section = page("commands").partition(f" {' '.join(path)}\n")
        for option in (one for one in command.params if isinstance(one, click.Option)):
            if f"`{option.opts[0]}`" not in section.split("\n##")[0]:
                missing.append((*path, option.opts[0]))

    assert [] == missing


def test_every_operation_is_documented():
    text = page("api")

    assert [] == [one for one in OPERATIONS if f"`{one.method} {one.path}`" not in text]


@pytest.mark.parametrize("kind", STATUS, ids=lambda kind: kind.kind)
def test_every_kind_of_error_is_documented_with_its_status_and_exit_code(kind):
    assert f"| `{kind.kind}` | {STATUS[kind]} | {EXIT_CODE[kind]} |" in page("errors")
