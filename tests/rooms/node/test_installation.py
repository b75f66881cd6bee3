"""The place of compute: intact while its files are the installed ones, and named at each start."""

import base64
import hashlib
from importlib import metadata

import pytest

from lib.ground import ManualClock, make_ground
from tidegate.audit.journal import Journal
from tidegate.node.events import all_events
from tidegate.node.installation import Installation, listed, measured


@pytest.fixture
def package(tmp_path):
    root = tmp_path / "tidegate"
    (root / "room" / "__pycache__").mkdir(parents=True)
    (root / "room" / "model.py").write_text("A = 1\n")
    (root / "room" / "__pycache__" / "model.pyc").write_bytes(b"compiled")
    (root / "py.typed").touch()
    return root


def test_a_package_is_measured_without_what_python_compiled(package):
    assert ["py.typed", "room/model.py"] == list(measured(package))


@pytest.mark.parametrize(
    "tamper",
    [
        lambda root: (root / "room" / "model.py").write_text("A = 2\n"),
        lambda root: (root / "room" / "extra.py").write_text("B = 1\n"),
        lambda root: (root / "py.typed").unlink(),
    ],
)
def test_a_changed_added_or_missing_file_is_seen_within_five_minutes(package, tamper):
    clock = ManualClock()
    installed = Installation(clock, package, measured(package))
    before = installed.is_intact()

    tamper(package)
    clock.advance(seconds=301)

    assert before
    assert not installed.is_intact()


def test_a_working_copy_has_no_list_to_be_held_against(package):
    assert Installation(ManualClock(), package, {}).is_intact()


def test_the_list_of_a_wheel_is_read_as_sha256_by_path(tmp_path):
    content = b"A = 1\n"
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    info = tmp_path / "tidegate-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tidegate\nVersion: 1\n")
    lines = [
        f"tidegate/room/model.py,sha256={digest},6",
        "tidegate/room/__pycache__/model.pyc,,",
        "../../../bin/tidegate,sha256=AAAA,3",
    ]
    (info / "RECORD").write_text("\n".join(lines) + "\n")

    found = listed(metadata.PathDistribution(info))

    assert {"room/model.py": hashlib.sha256(content).hexdigest()} == found


def test_a_start_names_the_code_in_evidence(package, tmp_path):
    ground = make_ground(tmp_path / "home")

    journal = Journal(
        ground.database, ground.clock, ground.ids, log=ground.did, events=all_events()
    )

    Installation(ground.clock, package, measured(package)).note_start(journal, ground.did)

    with ground.database.reading() as conn:
        leaf = conn.exec_driver_sql("SELECT event, subject FROM audit_leaf").one()
    ground.close()
    assert ("node.started", f"node:{ground.did}") == tuple(leaf)
