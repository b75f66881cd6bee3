"""Connections: many for reading, one for writing, and writes that share a durable commit.

Only the audit journal, the migrations and the composition root may import this module, so that no
room can write without leaving evidence.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPICursor as Cursor
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from tidegate.kernel.errors import UnavailableError

_PATIENCE = 2.0  # seconds after which a waiting writer looks whether anybody leads
_BEGIN_WRITE = "BEGIN IMMEDIATE"
_ADVISORY_LOCK = 0x7469646567617465  # "tidegate": one writing process at a time on PostgreSQL


class Group:
    """Writes that become durable together, by one commit of the thread that joined first.

    `rows` are the leaves of the blocks, `notes` are acts without rows, placed at the commit, and
    `after` is what to do once the group is durable. The latch opens when the group is settled.
    """

    __slots__ = ("after", "latch", "leader", "notes", "problem", "rows", "settled", "size")

    def __init__(self) -> None:
        self.size = 0
        self.leader = 0
        self.latch = threading.Lock()
        self.latch.acquire()
        self.settled = False
        self.problem: Exception | None = None
        self.rows: list[Any] = []
        self.notes: list[Any] = []
        self.after: list[Callable[[], None]] = []


class Attendant(Protocol):
    """Someone who accompanies every shared transaction: the journal."""

    def opened(self, connection: Connection) -> None:
        """Take notice of a newly opened writing connection."""
        ...

    def begun(self, cursor: Cursor) -> None:
        """Take notice of the start of a shared transaction."""
        ...

    def committing(self, cursor: Cursor, group: Group) -> None:
        """Do what must be in the same commit."""
        ...

    def lost(self) -> None:
        """Take notice that a shared transaction was undone."""
        ...


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
        """Open one consistent, read-only view of what is committed.

        Raises UnavailableError where a full or failing disk lets nothing be read.
        """
        with _disk_told(_unreadable), self._readers.connect() as connection, connection.begin():
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
            engine = create_engine(
                self.url, poolclass=QueuePool, pool_size=4, max_overflow=16, pool_pre_ping=True
            )  # a server that was restarted costs no reader an error
            if (
                read_only
            ):  # one view of one moment, as SQLite gives: several queries are asked in it
                engine = engine.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
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
    """The one writing connection: turns are taken one at a time, commits are shared.

    A thread takes its turn, runs its block in the open transaction and gives the turn up; then it
    waits until its group is durable. The first to wait commits for everybody who joined meanwhile.

    SQLAlchemy begins one transaction and is left in it; under it the driver's own transactions
    come and go, since they are what every short write waits for.
    """

    def __init__(self, engine: Engine, *, advisory: bool) -> None:
        self._engine = engine
        self._advisory = advisory
        self._turn = threading.Lock()
        self._leading = threading.Lock()
        self._joining = threading.Lock()
        self._connection: Connection | None = None
        self._cursor: Cursor | None = None
        self._attendant: Attendant | None = None
        self._group = Group()
        self._is_open = False
        self._owner: int | None = None

    def attend(self, attendant: Attendant) -> None:
        """Let the journal accompany every transaction from now on."""
        self._attendant = attendant

    @property
    def is_mine(self) -> bool:
        """Tell whether this very thread holds the turn: a nested write would wait for itself."""
        return self._owner == threading.get_ident()

    @contextmanager
    def turn(self) -> Iterator[tuple[Connection, Group]]:
        """Take a turn inside the open group: yield the connection and the group."""
        with self._turn:
            self._owner = threading.get_ident()
            group = self._group
            try:
                with _disk_told(_unwritable):
                    yield self._open()[0], group
                group.size += 1
                group.leader = group.leader or self._owner
            finally:
                self._owner = None
                if group.size == 0:
                    self._undo()

    def join(self, note: object) -> Group:
        """Add what needs no block of its own to the open group, without waiting for a turn."""
        with self._joining:
            group = self._group
            group.notes.append(note)
            group.leader = group.leader or threading.get_ident()
            return group

    @contextmanager
    def block(self) -> Iterator[Cursor]:
        """Undo what the block wrote if it raises; what others wrote in the group stays.

        Yields the driver's cursor, for the journal.

        The first block of a group needs no savepoint: its failure undoes the transaction.
        """
        cursor = self._open()[1]
        if self._group.size == 0:
            yield cursor
            return
        # Plain savepoints: SQLAlchemy's own cost more than everything else a short write does.
        cursor.execute("SAVEPOINT block")
        try:
            yield cursor
        except BaseException:
            self._undo_block(cursor)
            raise
        cursor.execute("RELEASE SAVEPOINT block")

    def _undo_block(self, cursor: Cursor) -> None:
        """Undo one block; where that cannot be, fail the group: nothing of it may be committed.

        SQLite undoes the whole transaction by itself when a disk is full or fails. What others
        wrote before is gone then, and their leaves must not be written as if it were not.
        """
        try:
            cursor.execute("ROLLBACK TO SAVEPOINT block")
            cursor.execute("RELEASE SAVEPOINT block")
        except Exception as problem:  # noqa: BLE001 - every writer of the group must learn of it
            with self._joining:
                self._group.problem = problem
                self._group = Group()
            self._undo()

    def settle(self, group: Group) -> None:
        """Return once `group` is durable; raise UnavailableError if it could not be committed."""
        if group.leader == threading.get_ident():
            self._lead(group)
        while not group.settled:
            if group.latch.acquire(timeout=_PATIENCE):
                group.latch.release()  # let the next one through
            else:
                self._lead(group)  # the leader's thread was torn away before it came to lead
        if group.problem is not None:
            raise _unwritable() from group.problem

    def _lead(self, group: Group) -> None:
        with self._leading:
            if not group.settled:
                with self._turn:
                    self._commit(group)

    def close(self) -> None:
        """Undo what is not committed and close the connection."""
        with self._turn:
            self._undo()
            self._drop()

    def _open(self) -> tuple[Connection, Cursor]:
        """Return the connection and its driver's cursor, inside a transaction."""
        if self._is_open and self._connection is not None and self._cursor is not None:
            return self._connection, self._cursor
        may_be_torn = self._advisory and self._cursor is not None
        try:
            try:
                opened = self._begin()
            except Exception:
                if not may_be_torn:
                    raise
                self._drop()  # the server went away since the last commit; nothing was written yet
                opened = self._begin()
        except Exception as problem:  # drivers raise errors of their own
            self._drop()
            raise UnavailableError(
                "The database cannot be written to now; check that it is up, then try again."
            ) from problem
        self._is_open = True
        return opened

    def _begin(self) -> tuple[Connection, Cursor]:
        """Begin a transaction of the driver; one of SQLAlchemy's too, where none is begun."""
        if self._connection is None:
            self._connection = self._engine.connect()
            if self._attendant is not None:
                self._attendant.opened(self._connection)
        if self._cursor is None:
            self._connection.begin()
            self._cursor = self._connection.connection.cursor()
        elif not self._advisory:  # PostgreSQL's driver begins with the next statement
            self._cursor.execute(_BEGIN_WRITE)
        if self._advisory:
            self._cursor.execute(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        if self._attendant is not None:
            self._attendant.begun(self._cursor)
        return self._connection, self._cursor

    def _commit(self, group: Group) -> None:
        with self._joining:
            if self._group is group:
                self._group = Group()  # whoever comes from now on joins the next one
        if group.problem is not None:  # it failed before its commit, and was undone
            group.settled = True
            group.latch.release()
            return
        try:
            connection, cursor = self._open()
            if self._attendant is not None:
                self._attendant.committing(cursor, group)
            connection.connection.commit()
            self._is_open = False
        except Exception as problem:  # noqa: BLE001 - every writer of the group must learn of it
            group.problem = problem
        finally:
            group.settled = True
            self._undo()
        group.latch.release()
        if group.problem is None:
            for action in group.after:
                action()

    def _undo(self) -> None:
        """Undo what is not committed."""
        if not self._is_open:
            return
        self._is_open, self._cursor = False, None
        if self._attendant is not None:
            self._attendant.lost()
        try:
            if self._connection is not None:
                self._connection.rollback()
        except SQLAlchemyError:
            self._drop()  # a connection that cannot roll back is no use; closing it undoes the rest

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._cursor, self._is_open = None, False
        if connection is not None:
            connection.invalidate()
            connection.close()


@contextmanager
def _disk_told(refusal: Callable[[], UnavailableError]) -> Iterator[None]:
    """Turn what a full or failing disk means in a block into a refusal in words."""
    try:
        yield
    except OperationalError as problem:
        if not _is_of_the_disk(problem.orig):
            raise
        raise refusal() from problem


def _is_of_the_disk(problem: object) -> bool:
    """Tell a full or failing disk by the driver's own code; each driver names it its way."""
    code = str(getattr(problem, "sqlite_errorname", "") or getattr(problem, "sqlstate", ""))
    return code.startswith(("SQLITE_FULL", "SQLITE_IOERR")) or code in {"53100", "58030"}


def _unwritable() -> UnavailableError:
    """Return the refusal of a write that could not be made durable."""
    return UnavailableError(
        "The change and its evidence could not be written durably, so it did not happen;"
        " check the disk and the database, then try again.",
        code="evidence_unwritable",
    )


def _unreadable() -> UnavailableError:
    """Return the refusal of a reading that a full or failing disk does not allow."""
    return UnavailableError(
        "The database cannot be read now, since its disk is full or fails; make room or see to the"
        " disk, then try again.",
        code="database_unreadable",
    )


def _sqlite_writer(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_reader(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", "query_only=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_write(connection: Connection) -> None:
    connection.connection.cursor().execute(_BEGIN_WRITE)


def _begin_read(connection: Connection) -> None:
    connection.connection.cursor().execute("BEGIN")
