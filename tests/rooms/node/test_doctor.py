"""The examiner: a well node passes, and every kind of damage is named with what to do."""

import fcntl
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lib.ground import ManualClock
from lib.nodes import make_home
from tidegate.access.model import Actor, Role
from tidegate.commons.vault.keyfiles import KeyFiles
from tidegate.node.build import open_node
from tidegate.node.doctor import CHECKS, examine

pytestmark = pytest.mark.slow

BY = Actor("person:per_operator", "Operator", frozenset({Role.OPERATOR}))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A node with a person, two checkpoints and a key in its vault; copied for each test."""
    home = make_home(tmp_path_factory.mktemp("doctor") / "node")
    with open_node(home) as node:
        for number in range(2):
            person = f"p{number}@hospital.example"
            node.house.access.add_person("Somebody", person, frozenset({Role.STEWARD}), by=BY)
            node.house.evidence.checkpoint_now()
        KeyFiles(home / "vault" / "keys", node.keys.derive("vault")).create("ver_one.tables")
    return home


@pytest.fixture
def home(made, tmp_path) -> Path:
    shutil.copytree(made, tmp_path / "node")
    return tmp_path / "node"


def failed(home: Path, clock=None) -> dict[str, str]:
    return {each.what: each.words for each in examine(home, clock) if not each.is_well}


def change(home: Path, sql: str, *values) -> None:
    """Change the database behind the node's back."""
    database = sqlite3.connect(home / "node.db")
    with database:
        database.execute(sql, values)
    database.close()


def test_a_well_node_passes_every_check(home):
    findings = examine(home)

    assert [] == [each for each in findings if not each.is_well]
    assert [name for name, _ in CHECKS] == [each.what for each in findings]


def test_a_finding_is_written_for_machines(home):
    finding = examine(home)[0]

    assert {"what": "settings", "is_well": True, "words": finding.words} == finding.as_dict()


def test_an_examination_changes_nothing(home):
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}

    examine(home)

    after = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    volatile = {home / "node.db-wal", home / "node.db-shm"}
    assert {p: c for p, c in before.items() if p not in volatile} == {
        p: c for p, c in after.items() if p not in volatile
    }


def test_a_directory_without_a_node_fails_every_check_without_making_one(tmp_path):
    found = failed(tmp_path)

    assert {name for name, _ in CHECKS} == set(found)
    assert "tidegate init" in found["settings"]
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["name = [", 'name = "only a name"\n', "\x00"])
def test_spoilt_settings_are_named(home, text):
    (home / "node.toml").write_text(text)

    assert "node.toml" in failed(home)["settings"]


def test_a_disk_that_is_nearly_full_is_told(home, monkeypatch):
    monkeypatch.setattr("tidegate.node.disk.LEAST_FREE", 1 << 62)

    assert "make room" in failed(home)["disk"]


def test_a_home_that_may_not_be_written_is_told(home, monkeypatch):
    monkeypatch.setattr("tidegate.node.disk.os.access", lambda _place, _mode: False)

    assert "nothing can be written" in failed(home)["disk"]


def test_a_passphrase_file_that_others_read_is_named_with_the_command_that_mends_it(home):
    (home / "passphrase").chmod(0o644)

    assert "chmod 600" in failed(home)["passphrase"]


def test_a_missing_passphrase_leaves_the_log_examined(home):
    (home / "passphrase").unlink()

    found = failed(home)

    assert {
        "passphrase", "keys", "evidence signatures", "vault", "space", "other clocks",
    } == set(found)  # fmt: skip


def test_a_wrong_passphrase_is_told_at_the_keys(home):
    (home / "passphrase").write_text("another")

    assert "passphrase does not open" in failed(home)["keys"]


def test_an_empty_passphrase_is_told(home):
    (home / "passphrase").write_text("")

    assert "is empty" in failed(home)["passphrase"]


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff\x00"])
def test_missing_or_spoilt_keys_are_told(home, content):
    file = home / "keys" / "node.json"
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)

    assert "backup of the keys" in failed(home)["keys"]


def test_a_key_file_that_others_read_is_told(home):
    (home / "keys" / "node.json").chmod(0o640)

    assert "chmod 600" in failed(home)["keys"]


def test_a_missing_database_is_told_and_not_made_anew(home):
    (home / "node.db").unlink()

    assert "restore" in failed(home)["database"]
    assert not (home / "node.db").exists()


@pytest.mark.parametrize("content", [b"", b"this is no database" * 99])
def test_a_file_that_is_no_database_is_told(home, content):
    for file in home.glob("node.db*"):
        file.unlink()
    (home / "node.db").write_bytes(content)

    found = failed(home)

    assert "migrate" in found["database"] or "restore" in found["database"]
    assert "mend the database first" in found["evidence log"]


def test_an_older_schema_is_told_with_the_command(home):
    change(home, "UPDATE alembic_version SET version_num = '0000'")

    assert "tidegate migrate" in failed(home)["database"]


def test_a_changed_leaf_is_found(home):
    change(
        home,
        "UPDATE audit_leaf SET body = replace(body, 'person:per_operator', 'person:per_somebody')",
    )

    assert {"evidence log"} <= set(failed(home))


def test_a_changed_leaf_after_the_last_checkpoint_breaks_its_chain(home):
    with open_node(home) as node:
        for email in ("a@x.example", "b@x.example"):
            person = node.house.access.add_person("A", email, frozenset({Role.STEWARD}), by=BY)
            node.house.access.issue_token(person.id, by=BY)
    sql = "UPDATE audit_leaf SET body = replace(body, '\"by\"', ' \"by\"') WHERE position = 2"
    change(home, sql)

    assert "evidence log" in failed(home)


@pytest.mark.parametrize("position", [0, 1])
def test_a_removed_leaf_is_found(home, position):
    change(home, "DELETE FROM audit_leaf WHERE position = ?", position)

    assert "evidence log" in failed(home)


def test_a_spoilt_derived_tree_is_found(home):
    change(home, "UPDATE audit_checkpoint SET size = size")
    change(home, "UPDATE audit_leaf SET hash = ? WHERE position = 1", "ab" * 32)

    assert "evidence log" in failed(home)


def test_a_checkpoint_of_another_key_is_found(home):
    change(home, "UPDATE audit_checkpoint SET signature = 'AAAA' WHERE number = 1")

    assert {"evidence signatures"} == set(failed(home))


def test_a_removed_checkpoint_is_found(home):
    change(home, "DELETE FROM audit_checkpoint WHERE number = 1")

    assert {"evidence signatures"} == set(failed(home))


def test_a_clock_before_the_last_act_is_told(home):
    behind = ManualClock(datetime.now(UTC) - timedelta(hours=2))

    assert "NTP" in failed(home, behind)["clock"]


def test_a_spoilt_key_in_the_vault_is_told(home):
    (home / "vault" / "keys" / "ver_one.tables.key").write_bytes(b"noise")

    assert "was changed" in failed(home)["vault"]


def test_a_parked_task_is_told_with_its_handler(home):
    change(
        home,
        "INSERT INTO work_task (handler, lane, payload, state, attempts, queued_at, due_at,"
        " due_after, problem_code, problem)"
        " VALUES ('peer.send', '', '{}', 'parked', 14, ?, ?, 0, 'x', 'y')",
        *("2026-01-01T00:00:00.000Z",) * 2,
    )

    assert "peer.send (x)" in failed(home)["tasks"]


def test_a_served_home_that_does_not_answer_is_told(home):
    with (home / "serve.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        assert "base_url" in failed(home)["serving"]

    assert "serving" not in failed(home)
