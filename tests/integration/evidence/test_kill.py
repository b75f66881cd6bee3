"""A process killed at any moment loses nothing it acknowledged, and its chains go on."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from tidegate.audit.journal import Journal
from tidegate.audit.model import leaf_hash, read_leaf
from tidegate.db.engine import Database
from tidegate.db.schema import METADATA
from tidegate.db.tables.audit import audit_leaf
from tidegate.kernel.clock import SystemClock
from tidegate.kernel.ids import RandomIds

LOG = "did:web:localhost%3A7001"
WRITER = """
import sys, threading
from tidegate.audit.journal import Journal
from tidegate.db.engine import Database
from tidegate.kernel.clock import SystemClock
from tidegate.kernel.ids import RandomIds

name, path = sys.argv[1:]
journal = Journal(
    Database(f"sqlite:///{path}"), SystemClock(), RandomIds(),
    log="did:web:localhost%3A7001", events={"dataset.stored": None},
)
turn = threading.Lock()

def work(thread):
    for number in range(100_000):
        subject = f"dataset:{name}-{thread}-{number}"
        if number % 2:
            journal.note(by="x", did="dataset.stored", to=subject)
        else:
            with journal.write(by="x", did="dataset.stored", to=subject) as tx:
                tx.note(did="dataset.stored", to="dataset:shared")
        with turn:
            print(subject, flush=True)

for thread in range(4):
    threading.Thread(target=work, args=(thread,)).start()
"""


@pytest.fixture
def path(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'node.db'}")
    with database.migrating() as connection:
        METADATA.create_all(connection)
    database.close()
    return tmp_path / "node.db"


def start(path: Path, name: str) -> subprocess.Popen:
    source = str(Path(__file__).parents[3] / "src")
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, name, str(path)],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": source},
        text=True,
    )


def kill_after(process: subprocess.Popen, lines: int) -> set[str]:
    """Read so many acknowledgements, kill -9, and return all that were given."""
    seen = [process.stdout.readline().strip() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    seen += [line.strip() for line in process.stdout.read().split("\n")[:-1]]
    process.stdout.close()
    process.wait()
    return set(seen) - {""}


def check_chains(path: Path) -> set[str]:
    """Check positions, numbers and links of every leaf; return the subjects."""
    database = Database(f"sqlite:///{path}")
    with database.reading() as connection:
        rows = connection.execute(select(audit_leaf).order_by(audit_leaf.c.position)).all()
    database.close()
    heads: dict[str, tuple[int, str]] = {}
    for position, row in enumerate(rows):
        entry = read_leaf(row.body.encode())
        number, previous = heads.get(entry.to, (0, ""))
        assert (position, number + 1, previous) == (row.position, entry.number, entry.previous)
        assert leaf_hash(row.body.encode()) == row.hash
        heads[entry.to] = (entry.number, row.hash)
    return set(heads)


@pytest.mark.parametrize("lines", [1, 40, 160])
def test_nothing_acknowledged_is_lost(path, lines):
    acknowledged = kill_after(start(path, "one"), lines)

    assert acknowledged <= check_chains(path)


def test_after_a_kill_the_log_goes_on(path):
    kill_after(start(path, "one"), 20)
    database = Database(f"sqlite:///{path}")
    journal = Journal(
        database, SystemClock(), RandomIds(), log=LOG, events={"dataset.stored": None}
    )

    journal.note(by="x", did="dataset.stored", to="dataset:shared")
    database.close()

    assert "dataset:shared" in check_chains(path)


def test_two_processes_on_one_file_share_one_log(path):
    one, other = start(path, "one"), start(path, "other")
    one.stdout.readline()
    other.stdout.readline()
    time.sleep(0.5)

    acknowledged = kill_after(one, 10) | kill_after(other, 10)

    subjects = check_chains(path)
    assert acknowledged <= subjects
    assert any(subject.startswith("dataset:other") for subject in subjects)
