"""What a start may load, and what keeps a node from serving."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tidegate.access.model import Participant, Seat
from tidegate.kernel.errors import InvalidError
from tidegate.node.server import check_may_serve
from tidegate.settings import NodeRole, NodeSettings

HEAVY = (
    *("numpy", "pyarrow", "duckdb", "ibis", "sqlglot", "pandas", "altair", "vl_convert"),
    *("tantivy", "opencc", "alembic", "httpx", "httpcore", "jinja2", "rich", "tidegate_client"),
    *("obstore", "prometheus_client"),
)
"""Each would cost every start, and idle memory, what only some node at some time needs."""


def test_a_start_loads_nothing_that_only_some_act_needs():
    code = "import sys, tidegate.cli.node_commands, tidegate.node.server; print(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    loaded = answer.stdout.split()
    assert not {name.partition(".")[0] for name in loaded} & set(HEAVY)
    assert not [name for name in loaded if name.startswith("sqlalchemy.dialects.")]


ROOMS = ("sqlalchemy", "cryptography", "joserfc", "starlette", "uvicorn", "tidegate.house")
"""What a node is made of; a command that only explains itself, or refuses, opens none."""

LISTED = f"""
import sys
from tidegate.cli.app import COMMANDS, cli
def said(*words):
    cli.main(words, standalone_mode=False, prog_name="tidegate")
    return {{name for name in {(*HEAVY, *ROOMS)!r} if name in sys.modules}}
told = said("--help") | said("--version")
told |= {{each for each in sys.modules if each.endswith("_commands")}}
for command in COMMANDS:
    told |= said(command, "--help")
print("loaded:", *sorted(told - {{"tidegate_client"}}))
"""


def test_a_command_that_explains_itself_loads_no_node():
    answer = subprocess.run(
        [sys.executable, "-c", LISTED], capture_output=True, check=True, text=True
    )
    assert "loaded:" == answer.stdout.splitlines()[-1]


@pytest.fixture
def settings(tmp_path: Path) -> NodeSettings:
    return NodeSettings(
        home=tmp_path,
        name="Bench",
        participant=Participant("did:web:localhost%3A7400", "Bench", Seat.HK),
        role=NodeRole.PARTICIPANT,
        host="127.0.0.1",
        port=7400,
        base_url="http://localhost:7400",
        database_url="sqlite:///node.db",
        passphrase_file=tmp_path / "passphrase",
    )


@pytest.mark.parametrize("line", ["tls_certificate", "tls_key", "tls_ca"])
def test_a_missing_file_of_tls_is_named_before_serving(settings, line):
    check_may_serve(settings)
    there = settings.home / "x.pem"
    there.touch()
    check_may_serve(replace(settings, **{line: there}))
    with pytest.raises(InvalidError, match=f"mend the line {line}") as refused:
        check_may_serve(replace(settings, **{line: settings.home / "gone.pem"}))
    assert refused.value.code == "tls_file_missing"
