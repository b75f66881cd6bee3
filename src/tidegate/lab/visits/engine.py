"""The engine beside the data: one in-memory DuckDB a version, opened, asked, and dropped.

DuckDB is closed to files, the network and settings, and may not spill: without a folder for what
does not fit in memory it gives up, so that nothing decrypted ever lies on the disk. Tables lie in
memory decrypted only while the version is among the few last used; ending, suspending or destroying
drops them at once.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from tidegate.catalogue.model import Codebook, Table
from tidegate.lab.analysis import PersonRows
from tidegate.lab.errors import (
    CodebookMismatchError,
    QueryMemoryError,
    QueryStoppedError,
    QueryTimeError,
)
from tidegate.lab.query.axes import Axis, groupings_of, places_of
from tidegate.lab.query.compiler import PEOPLE, PERSON_INDEX, compile_query
from tidegate.lab.query.model import KaplanMeier, Query
from tidegate.lab.query.rules import is_one_row_a_person

Arrow = Any  # pyarrow publishes no types mypy can follow
Roster = npt.NDArray[np.uint64]
_SETTINGS = (
    "SET memory_limit = '{memory_mb}MB'",
    "SET threads = {threads}",
    "SET enable_external_access = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET lock_configuration = true",
)


class Session:
    """One version, open: its tables in the engine and the list of its people."""

    def __init__(
        self,
        tables: Mapping[str, Arrow],
        codebook: Codebook,
        *,
        roster_key: bytes,
        threads: int = 2,
        memory_mb: int = 2048,
    ) -> None:
        import duckdb  # noqa: PLC0415 - thirty megabytes that only a node with visitors needs

        self.codebook = codebook
        self._connection = duckdb.connect(":memory:", config={"temp_directory": ""})
        with _within_memory():
            self.roster = self._load(tables, roster_key)
            for setting in _SETTINGS:
                self._connection.execute(setting.format(memory_mb=memory_mb, threads=threads))

    @property
    def people(self) -> int:
        """Return how many people the version has."""
        return len(self.roster)

    def cursor(self) -> Any:
        """Return a handle on the tables for one query; it can be interrupted by itself."""
        return self._connection.cursor()

    def close(self) -> None:
        """Forget the tables."""
        self._connection.close()

    def _load(self, tables: Mapping[str, Arrow], key: bytes) -> Roster:
        """Load the tables, each row with the place of its person in the roster.

        The roster holds a keyed hash of every person key, sorted, so that people can be matched
        between versions of a dataset and their order says nothing.
        """
        import pyarrow as pa  # noqa: PLC0415 - forty megabytes that only a node with visitors needs

        described = [table for table in self.codebook.tables if table.person_key]
        missing = [table.name for table in described if table.name not in tables]
        if missing:
            raise CodebookMismatchError(f"The version has no table {missing[0]}.")
        for table in described:
            self._connection.register("arriving", tables[table.name])
            self._connection.execute(f"CREATE TABLE {_quoted(table.name)} AS FROM arriving")
            self._connection.unregister("arriving")
        keys = self._keys(described)
        hashes = np.array([_hashed(name, key) for name in keys], dtype=np.uint64)
        order = np.argsort(hashes)
        place = np.empty(len(keys), dtype=np.int32)
        place[order] = np.arange(len(keys), dtype=np.int32)
        arriving = pa.table({"person": keys, PERSON_INDEX: place})
        self._connection.register("arriving", arriving)
        people = _quoted(PEOPLE)
        self._connection.execute(f"CREATE TABLE {people} AS FROM arriving ORDER BY {PERSON_INDEX}")
        self._connection.unregister("arriving")
        for table in described:
            self._index(table)
        self._connection.execute(f"ALTER TABLE {people} DROP COLUMN person")
        return hashes[order]

    def _keys(self, tables: list[Table]) -> list[str]:
        parts = " UNION ".join(
            f"SELECT CAST({_quoted(table.person_key)} AS VARCHAR) AS person"  # noqa: S608 - quoted
            f" FROM {_quoted(table.name)}"
            for table in tables
        )
        rows = self._connection.execute(parts).fetchall()
        return [str(row[0]) for row in rows if row[0] is not None]

    def _index(self, table: Table) -> None:
        name, key, people = _quoted(table.name), _quoted(table.person_key), _quoted(PEOPLE)
        columns = ", ".join(
            f"t.{_quoted(column.name)}"
            for column in table.columns
            if column.name != table.person_key
        )
        listed = f", {columns}" if columns else ""
        self._connection.execute(
            f"CREATE TABLE indexed AS SELECT p.{PERSON_INDEX}{listed} FROM {name} t"  # noqa: S608
            f" JOIN {people} p ON CAST(t.{key} AS VARCHAR) = p.person"
        )
        self._connection.execute(f"DROP TABLE {name}")
        self._connection.execute(f"ALTER TABLE indexed RENAME TO {name}")
        if is_one_row_a_person(table):
            found = self._connection.execute(
                f"SELECT count(*) = count(DISTINCT {PERSON_INDEX}) FROM {name}"  # noqa: S608
            ).fetchone()
            if not found[0]:
                raise CodebookMismatchError(
                    f"{table.name} has several rows a person, and its codebook says one; acquire"
                    " the data again."
                )


class Running:
    """One query in the engine, which others may stop."""

    def __init__(
        self, agreement_id: str, version_id: str, cursor: Any, transfer_pid: str = ""
    ) -> None:
        self.agreement_id = agreement_id
        self.version_id = version_id
        self.transfer_pid = transfer_pid
        self.stopped_for = ""
        self._cursor = cursor
        self._lock = threading.Lock()
        self._done = threading.Event()

    def stop(self, reason: str) -> None:
        """Stop the query; it ends with the reason."""
        with self._lock:
            if self.stopped_for:
                return
            self.stopped_for = reason
        threading.Thread(target=self._interrupt, daemon=True).start()

    def finish(self) -> None:
        """Say that the query has ended, so that nothing is interrupted any more."""
        self._done.set()

    def _interrupt(self) -> None:
        """Interrupt until the query has ended: one that comes before it starts is lost."""
        while not self._done.is_set():
            with suppress(RuntimeError):
                self._cursor.interrupt()
            self._done.wait(_AGAIN)

    def check(self) -> None:
        """Raise when the query was stopped."""
        if self.stopped_for == _TOO_LONG:
            raise QueryTimeError(
                "The query took longer than this node allows; ask for fewer groups or conditions.",
                code="query_time",
            )
        if self.stopped_for:
            raise QueryStoppedError(
                f"The query was stopped: {self.stopped_for}.", code="query_stopped"
            )


_TOO_LONG = "time"
_AGAIN = 0.02  # seconds between two interrupts


class Engine:
    """The open versions and the running queries of this process."""

    def __init__(self, *, keep: int = 3, seconds: float = 30.0) -> None:
        self._keep = keep
        self._seconds = seconds
        self._lock = threading.Lock()
        self._opening: dict[str, threading.Lock] = {}
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._running: set[Running] = set()

    def session(self, version_id: str, opened: Callable[[], Session]) -> Session:
        """Return the open version, opening it at the first use."""
        with self._lock:
            opening = self._opening.setdefault(version_id, threading.Lock())
        with opening:
            with self._lock:
                found = self._sessions.get(version_id)
                if found is not None:
                    self._sessions.move_to_end(version_id)
                    return found
            session = opened()
            with self._lock:
                self._sessions[version_id] = session
                dropped = [
                    self._sessions.popitem(last=False)[1]
                    for _ in range(len(self._sessions) - self._keep)
                ]
            _close(dropped)
            return session

    def drop(self, version_id: str, reason: str) -> int:
        """Stop the queries of a version and forget its tables; return how many were stopped."""
        stopped = self.stop(lambda one: one.version_id == version_id, reason)
        with self._lock:
            dropped = self._sessions.pop(version_id, None)
        _close([dropped] if dropped else [])
        return stopped

    def stop(self, which: Callable[[Running], bool], reason: str) -> int:
        """Stop the running queries that `which` picks; return how many."""
        with self._lock:
            chosen = [one for one in self._running if which(one)]
        for one in chosen:
            one.stop(reason)
        return len(chosen)

    @contextmanager
    def running(
        self, agreement_id: str, version_id: str, session: Session, *, transfer_pid: str = ""
    ) -> Iterator[tuple[Running, Any]]:
        """Register a query for as long as the block runs, and stop it when its time is over."""
        cursor = session.cursor()
        running = Running(agreement_id, version_id, cursor, transfer_pid)
        timer = threading.Timer(self._seconds, running.stop, [_TOO_LONG])
        timer.daemon = True
        with self._lock:
            self._running.add(running)
        timer.start()
        try:
            yield running, cursor
            running.check()
        finally:
            timer.cancel()
            running.finish()
            with self._lock:
                self._running.discard(running)
            cursor.close()

    def ask(
        self,
        query: Query,
        axes: tuple[Axis, ...],
        session: Session,
        *,
        agreement_id: str,
        version_id: str,
        transfer_pid: str = "",
    ) -> PersonRows:
        """Run a checked query; raise QueryTimeError, QueryMemoryError or QueryStoppedError."""
        import duckdb  # noqa: PLC0415 - loaded with the session

        statement = compile_query(query, session.codebook)
        visit = self.running(agreement_id, version_id, session, transfer_pid=transfer_pid)
        with visit as (running, cursor), _within_memory():
            try:
                columns = cursor.execute(statement).fetchnumpy()
            except (duckdb.InterruptException, duckdb.ConnectionException):
                running.check()
                raise QueryStoppedError(
                    "The query was stopped: the data were closed.", code="query_stopped"
                ) from None
        return _rows(columns, query, axes, session.codebook)


def _rows(
    columns: Mapping[str, Any], query: Query, axes: tuple[Axis, ...], codebook: Codebook
) -> PersonRows:
    groups = []
    for place, (grouping, axis) in enumerate(zip(groupings_of(query), axes, strict=True)):
        places = np.array(places_of(grouping, axis, codebook), dtype=np.int64)
        groups.append(places[np.asarray(columns[f"g{place}"], dtype=np.int64)])
    index = np.asarray(columns[PERSON_INDEX], dtype=np.int64)
    if not isinstance(query, KaplanMeier):
        return PersonRows(index, tuple(groups))
    day = np.ma.filled(np.ma.asarray(columns["day"], dtype=np.float64), np.nan)
    event = np.ma.filled(np.ma.asarray(columns["event"]), False)  # noqa: FBT003 - numpy's order
    return PersonRows(index, tuple(groups), day, event.astype(np.bool_))


@contextmanager
def _within_memory() -> Iterator[None]:
    """Say in words that the engine's memory is not enough; it may not spill to the disk."""
    import duckdb  # noqa: PLC0415 - loaded with the session

    try:
        yield
    except duckdb.OutOfMemoryException:
        raise QueryMemoryError(
            "The data or the query need more memory than this node gives; ask for fewer groups or"
            " conditions.",
            code="query_memory",
        ) from None


def _close(sessions: list[Session]) -> None:
    for session in sessions:
        session.close()


def _hashed(name: str, key: bytes) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8, key=key).digest(), "big")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
