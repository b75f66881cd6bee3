"""The ground of the journal's tests: a real database, copied from one made once."""

import shutil

import pytest

from lib.ground import Ground, ManualClock
from tidegate.audit.journal import Journal
from tidegate.db.engine import Database
from tidegate.db.schema import METADATA
from tidegate.kernel.ids import RandomIds

LOG = "did:web:localhost%3A7001"
WORDS = {"dataset.acquired": "ing", "dataset.stored": None, "application.refused": None}


@pytest.fixture(scope="session")
def empty(tmp_path_factory):
    path = tmp_path_factory.mktemp("empty") / "node.db"
    database = Database(f"sqlite:///{path}")
    with database.migrating() as connection:
        METADATA.create_all(connection)
    database.close()
    return path


@pytest.fixture
def ground(empty, tmp_path):
    path = tmp_path / "node.db"
    shutil.copy(empty, path)
    database, clock, ids = Database(f"sqlite:///{path}"), ManualClock(), RandomIds()
    journal = Journal(database, clock, ids, log=LOG, events=WORDS)
    made = Ground(journal, database, clock, ids, None, tmp_path, LOG)
    yield made
    made.close()
