"""Connections: many for reading, one for writing, and writes that share a durable commit.

Only the audit journal, the migrations and the composition root may import this module, so that no
room can write without leaving evidence.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from tidegate.kernel.errors import UnavailableError

GROUP_LIMIT = 64  # writes that may share one commit
_ADVISORY_LOCK = 0x7469646567617465  # "tidegate": one writing process at a time on PostgreSQL


@dataclass(slots=True)
class Group:
    """Writes that become durable together, by one commit."""

    size: int = 0
    settled: bool = False
    problem: Exception | None = None
    after: list[Any] = field(default_factory=list)


class Database:
    """The node's database: SQLite (WAL, fsync at every commit) or PostgreSQL, by URL alone."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._readers = self._engine(read_only=True)
        self._engine_for_writing = self._engine(read_only=False)
        self.writer = Writer(self._engine_for_writing, advisory=not self.is_sqlite)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open one consistent, read-only view of what is committed."""
        with self._readers.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """Open a connection that may change the schema. For `db.migrate` only."""
        with self._engine_for_writing.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self.writer.close()
        self._readers.dispose()
        self._engine_for_writing.dispose()

    def _engine(self, *, read_only: bool) -> Engine:
        if not self.is_sqlite:
            engine = create_engine(self.url, poolclass=QueuePool, pool_size=4, max_overflow=16)
            if read_only:
                engine = engine.execution_options(postgresql_readonly=True)
            return engine
        engine = create_engine(
            self.url,
            poolclass=QueuePool if read_only else NullPool,
            connect_args={"check_same_thread": False, "isolation_level": None, "timeout": 30.0},
        )
        event.listen(engine, "connect", _sqlite_reader if read_only else _sqlite_writer)
        event.listen(engine, "begin", _begin_read if read_only else _begin_write)
        return engine


class Writer:
    """The one writing connection: turns are taken one at a time, commits are shared."""

    def __init__(self, engine: Engine, *, advisory: bool) -> None:
        self._engine = engine
        self._advisory = advisory
        self._turn = threading.Lock()
        self._leading = threading.Lock()
        self._connection: Connection | None = None
        self._group = Group()
        self._owner: int | None = None

    @property
    def is_mine(self) -> bool:
        """Tell whether this very thread holds the turn: a nested write would wait for itself."""
        return self._owner == threading.get_ident()

    @contextmanager
    def turn(self) -> Iterator[tuple[Connection, Group, bool]]:
        """Take a turn inside the open group: yield the connection, the group, whether it is new.

        What the block wrote is undone if it raises; the group's other writes stay.
        """
        with self._turn:
            self._owner = threading.get_ident()
            try:
                connection, fresh = self._open()
                with connection.begin_nested():
                    yield connection, self._group, fresh
                self._group.size += 1
            finally:
                self._owner = None
                if self._group.size == 0:
                    self._abandon()

    def settle(self, group: Group) -> None:
        """Return once `group` is durable; raise UnavailableError if it could not be committed."""
        with self._leading:
            if not group.settled:
                with self._turn:
                    self._commit(group)
        if group.problem is not None:
            raise UnavailableError(
                "The change could not be written durably and did not happen; check the disk and"
                " the database, then try again."
            ) from group.problem

    def close(self) -> None:
        """Undo what is not committed and close the connection."""
        with self._turn:
            self._abandon()

    def _open(self) -> tuple[Connection, bool]:
        if self._connection is not None:
            return self._connection, False
        try:
            connection = self._engine.connect()
            connection.begin()
            if self._advisory:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        except SQLAlchemyError as problem:
            raise UnavailableError(
                "The database cannot be written to now; check that it is up, then try again."
            ) from problem
        self._connection = connection
        return connection, True

    def _commit(self, group: Group) -> None:
        try:
            if self._connection is not None:
                self._connection.commit()
        except SQLAlchemyError as problem:
            group.problem = problem
        finally:
            group.settled = True
            self._abandon()
        if group.problem is None:
            for action in group.after:
                action()

    def _abandon(self) -> None:
        connection, self._connection, self._group = self._connection, None, Group()
        if connection is not None:
            connection.close()


def _sqlite_writer(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_reader(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", "query_only=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_write(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_read(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
