"""The engine beside the data: one in-memory DuckDB a version, opened, asked, and dropped.

DuckDB is closed to files, the network and settings, and may not spill: without a folder for what
does not fit in memory it gives up, so that nothing decrypted ever lies on the disk. Tables lie in
memory decrypted only while the version is among the few last used; ending, suspending or destroying
drops them at once.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tidegate.lab.errors import QueryStoppedError, QueryTimeError
from tidegate.lab.query.axes import Axis
from tidegate.lab.query.compiler import compile_query
from tidegate.lab.query.model import Query

if TYPE_CHECKING:
    from tidegate.lab.analysis import PersonRows
    from tidegate.lab.visits.session import Session


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
        self._closings: Counter[str] = Counter()

    def session(self, version_id: str, opened: "Callable[[], Session]") -> "Session":
        """Return the open version, opening it at the first use."""
        with self._lock:
            opening = self._opening.setdefault(version_id, threading.Lock())
        with opening:
            with self._lock:
                found = self._sessions.get(version_id)
                if found is not None:
                    self._sessions.move_to_end(version_id)
                    return found
                closings = self._closings[version_id]
            session = opened()
            with self._lock:
                was_closed = self._closings[version_id] != closings
                if not was_closed:
                    self._sessions[version_id] = session
                dropped = [session] if was_closed else self._too_many()
            _close(dropped)
            if was_closed:
                raise _data_closed()
            return session

    def _too_many(self) -> "list[Session]":
        """Take out the versions used longest ago, of those nobody's query runs on."""
        busy = {one.version_id for one in self._running} | {next(reversed(self._sessions))}
        idle = [name for name in self._sessions if name not in busy]
        spare = max(0, len(self._sessions) - self._keep)
        return [self._sessions.pop(name) for name in idle[:spare]]

    def drop(self, version_id: str, reason: str) -> int:
        """Stop the queries of a version and forget its tables; return how many were stopped."""
        stopped = self.stop(lambda one: one.version_id == version_id, reason)
        self._forget(version_id)
        return stopped

    def drop_unless_used(self, version_id: str, agreement_id: str) -> bool:
        """Forget a version's tables unless a query of another agreement runs on them; say whether.

        The queries of others go on: nothing that lets them in has ended.
        """
        with self._lock:
            used = any(
                one.version_id == version_id and one.agreement_id != agreement_id
                for one in self._running
            )
        if not used:
            self._forget(version_id)
        return not used

    def _forget(self, version_id: str) -> None:
        with self._lock:
            self._closings[version_id] += 1
            dropped = self._sessions.pop(version_id, None)
        _close([dropped] if dropped else [])

    def stop(self, which: Callable[[Running], bool], reason: str) -> int:
        """Stop the running queries that `which` picks; return how many."""
        with self._lock:
            chosen = [one for one in self._running if which(one)]
        for one in chosen:
            one.stop(reason)
        return len(chosen)

    @contextmanager
    def running(
        self, agreement_id: str, version_id: str, session: "Session", *, transfer_pid: str = ""
    ) -> Iterator[tuple[Running, Any]]:
        """Register a query for as long as the block runs, and stop it when its time is over."""
        cursor = _cursor(session)
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
        session: "Session",
        *,
        agreement_id: str,
        version_id: str,
        transfer_pid: str = "",
    ) -> "PersonRows":
        """Run a checked query; raise QueryTimeError, QueryMemoryError or QueryStoppedError."""
        import duckdb  # noqa: PLC0415 - loaded with the session, as is what turns columns to rows

        from tidegate.lab.visits.session import rows_of, within_memory  # noqa: PLC0415

        statement = compile_query(query, session.codebook)
        visit = self.running(agreement_id, version_id, session, transfer_pid=transfer_pid)
        with visit as (running, cursor), within_memory():
            try:
                columns = cursor.execute(statement).fetchnumpy()
            except (duckdb.InterruptException, duckdb.ConnectionException):
                running.check()
                raise _data_closed() from None
        return rows_of(columns, query, axes, session.codebook)


def _cursor(session: "Session") -> Any:
    import duckdb  # noqa: PLC0415 - loaded with the session

    try:
        return session.cursor()
    except duckdb.ConnectionException:
        raise _data_closed() from None


def _data_closed() -> QueryStoppedError:
    return QueryStoppedError("The query was stopped: the data were closed.", code="query_stopped")


def _close(sessions: "list[Session]") -> None:
    for session in sessions:
        session.close()
