"""The ground of a room under test: a real SQLite journal, a waiting clock, the tasks it queued."""

import importlib
import json
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import delete, event, select

from tidegate.audit.journal import Journal
from tidegate.db.engine import Database
from tidegate.db.schema import METADATA, ROOMS
from tidegate.db.tables.work import work_task
from tidegate.kernel.clock import Clock
from tidegate.kernel.ids import RandomIds
from tidegate.keys.service import KeyRing, create_key_file, open_key_file

PASSPHRASE = "a passphrase for tests"

EVENT_MODULES = (
    "access", "work", "keys", "audit", "policy", "policy.rulepack", "partners", "partners.space",
    "partners.partnership", "partners.project", "partners.application", "partners.training",
    "partners.instrument", "partners.gate", "catalogue", "deid", "commons", "commons.vault",
    "connector", "connector.identity", "connector.exchange", "connector.negotiation",
    "connector.transfer", "connector.dataplane", "connector.signaling",
    "connector.approvals",
    "connector.harvest", "connector.assessment",
    "lab", "lab.release",
)  # fmt: skip


class ManualClock(Clock):
    """A clock that moves only when told to."""

    def __init__(self, start: datetime = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, **amount: float) -> None:
        self._now += timedelta(**amount)


@dataclass
class Ground:
    """What every room stands on."""

    journal: Journal
    database: Database
    clock: ManualClock
    ids: RandomIds
    keys: KeyRing
    home: Path
    did: str
    handlers: dict = field(default_factory=dict)

    def tasks(self):
        """Return the waiting tasks as (handler, payload) in order."""
        with self.database.reading() as connection:
            rows = connection.execute(select(work_task).order_by(work_task.c.seq)).all()
        return [(row.handler, json.loads(row.payload)) for row in rows]

    def run_tasks(self, **handlers):
        """Run every waiting task through `handlers` (name -> callable); unknown ones stay."""
        known = {**self.handlers, **{name.replace("__", "."): fn for name, fn in handlers.items()}}
        while True:
            with self.database.reading() as connection:
                rows = connection.execute(select(work_task).order_by(work_task.c.seq)).all()
            ready = [row for row in rows if row.handler in known]
            if not ready:
                return
            for row in ready:
                known[row.handler](**json.loads(row.payload))
                with self.journal.upkeep() as tx:
                    tx.connection.execute(delete(work_task).where(work_task.c.seq == row.seq))

    def close(self) -> None:
        self.database.close()


class AllEvents(dict):
    """Every room's declared events; rooms not imported yet are loaded on first use."""

    def __init__(self) -> None:
        super().__init__()
        for name in EVENT_MODULES:
            try:
                module = importlib.import_module(f"tidegate.{name}.events")
            except ModuleNotFoundError:
                continue
            self.update(module.EVENTS)


_TEMPLATES = TemporaryDirectory(prefix="tidegate-ground-")


def empty_database() -> Path:
    """Return a SQLite database with every room's tables, made once in a run and then copied."""
    path = Path(_TEMPLATES.name) / "node.db"
    if not path.exists():
        database = Database(f"sqlite:///{path}")
        make_tables(database)
        database.close()
    return path


def hasty(database: Database) -> Database:
    """Let a unit test's SQLite commit without waiting for the disk; no test cuts the power."""
    if database.is_sqlite:
        engine = database._engine_for_writing
        event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
    return database


def make_tables(database: Database) -> None:
    """Make every room's tables."""
    assert ROOMS
    with database.migrating() as connection:
        METADATA.create_all(connection)


_KEYS: dict[str, tuple[bytes, KeyRing]] = {}  # by DID: making and opening one costs a second


def keys_of(did: str, path: Path) -> KeyRing:
    """Return the keys of a node of that DID, their sealed file at `path`.

    A node keeps its keys through a test run: sealing stretches the passphrase, which is slow on
    purpose. A file that is there already is opened, as a restarted node does.
    """
    if path.exists():
        known = _KEYS.get(did)
        same = known is not None and known[0] == path.read_bytes()
        return known[1] if known is not None and same else open_key_file(path, PASSPHRASE)
    if did not in _KEYS:
        ring = create_key_file(path, PASSPHRASE)
        _KEYS[did] = (path.read_bytes(), ring)
        return ring
    sealed, ring = _KEYS[did]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(sealed)
    return ring


def make_ground(
    home: Path,
    did: str = "did:web:localhost%3A7001",
    subscriptions=None,
    url: str | None = None,
    known_as: str = "",
) -> Ground:
    """Open a node's ground in `home`, with every room's tables made.

    A node whose DID is another in every test (it has the port) is `known_as` who keeps its keys.
    """
    home.mkdir(parents=True, exist_ok=True)
    if url is None and not (home / "node.db").exists():
        shutil.copy(empty_database(), home / "node.db")
    database = hasty(Database(url or f"sqlite:///{home / 'node.db'}"))
    if url is not None:
        make_tables(database)
    clock, ids = ManualClock(), RandomIds()
    journal = Journal(
        database, clock, ids, log=did, events=AllEvents(), subscriptions=subscriptions or {}
    )
    keys = keys_of(known_as or did, home / "keys" / "node.json")
    return Ground(journal, database, clock, ids, keys, home, did)
