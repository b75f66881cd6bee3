"""The only way to write: rows, their evidence and their messages commit together or not at all.

Writers take turns on one shared transaction, each block inside a savepoint of its own; one of them
commits for all (group commit), after the leaves of the whole group were written by one statement.
Nobody returns before that commit is on disk.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import field
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, event, insert, select
from sqlalchemy.engine.interfaces import DBAPICursor as Cursor

from tidegate.audit.chain import Act, Chain
from tidegate.audit.errors import EventUnknownError
from tidegate.audit.guard import Guard, Scope
from tidegate.audit.model import check_unicode, write_reasons
from tidegate.db.engine import Database, Group
from tidegate.db.outbox import queue_task
from tidegate.db.tables.audit import audit_attachment
from tidegate.kernel.canonical import Json, canonical_json, sha256_hex
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.errors import ConflictError, InvalidError
from tidegate.kernel.failpoint import failpoint
from tidegate.kernel.ids import Ids
from tidegate.kernel.values import dataclass

P = ParamSpec("P")
T = TypeVar("T")
Why = Mapping[str, Json]
LARGEST_REASONS = 64 * 1024
"""Characters of the reasons of one leaf: evidence is kept for ever, and read by people."""


@dataclass(slots=True)
class Tx:
    """An open write. Stores take its `connection`; facts and messages leave with its commit."""

    connection: Connection
    now: datetime
    subscriptions: Mapping[str, tuple[str, ...]]
    ids: Ids
    notes: list[tuple[str, str, Why]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    queued: int = 0

    @property
    def at(self) -> str:
        """Return the moment of this write, as it stands in the evidence."""
        return iso(self.now)

    def announce(self, fact: str, **about: str) -> None:
        """Queue one task for every handler that subscribed to `fact`."""
        for handler in self.subscriptions.get(fact, ()):
            self._queue(handler, about)

    def enqueue(
        self, handler: str, *, lane: str = "", party: str = "", delay: float = 0.0, **payload: str
    ) -> None:
        """Queue one task; tasks of one lane run in order, one at a time.

        `party` is whom the task calls: one that hangs holds up its own tasks and nobody else's.
        """
        self._queue(handler, payload, lane=lane, party=party, delay=delay)

    def send(self, *, to: str, kind: str, body: Mapping[str, Any]) -> None:
        """Queue a peer message to the node with the DID `to`."""
        text = canonical_json(body).decode()
        message = {"id": self.ids.urn(), "to": to, "kind": kind, "body": text}
        self._queue("peer.send", message, lane="peer", party=to)

    def note(self, *, did: str, to: str, why: Why | None = None) -> None:
        """Leave a further leaf in this same write, about another subject."""
        self.notes.append((did, to, why or {}))

    def attach(self, media_type: str, content: bytes) -> str:
        """Keep a document the evidence refers to; return the SHA-256 to name it by in `why`.

        The leaf of this write names the document and its media type, so that neither can be
        dropped or exchanged later.
        """
        digest = sha256_hex(content)
        known = select(audit_attachment.c.media_type).where(audit_attachment.c.sha256 == digest)
        if self.connection.execute(known).first() is None:
            row = {"sha256": digest, "media_type": media_type, "added_at": self.at, "body": content}
            self.connection.execute(insert(audit_attachment), row)
        self.files[digest] = media_type
        return digest

    def _queue(
        self,
        handler: str,
        payload: Mapping[str, str],
        *,
        lane: str = "",
        party: str = "",
        delay: float = 0.0,
    ) -> None:
        queue_task(
            self.connection, handler, payload, now=self.now, lane=lane, party=party, delay=delay
        )
        self.queued += 1


class Journal:
    """Opens reads and writes; a write cannot exist without its leaf."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        *,
        log: str,
        events: Mapping[str, str | None],
        subscriptions: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._events = events
        self._subscriptions = subscriptions or {}
        self._chain = Chain(log, mark="?" if database.is_sqlite else "%s")
        self._guard = Guard()
        self.on_tasks: Callable[[], None] = lambda: None
        database.writer.attend(self)

    def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call `fn` with a read-only connection and `args`; return what it returns."""
        with self._database.reading() as connection:
            return fn(connection, *args, **kwargs)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open one consistent read-only view for several queries."""
        with self._database.reading() as connection:
            yield connection

    @contextmanager
    def write(self, *, by: str, did: str, to: str, why: Why | None = None) -> Iterator[Tx]:
        """Commit the block's rows, its leaf, its facts and messages together, durably.

        Returns after the commit is on disk. Raises UnavailableError when evidence cannot be
        written: then nothing of the block happened. Writes do not nest.
        """
        premis = self._premis(did)
        with self._take_turn() as (connection, group):
            tx = Tx(connection, self._clock.now(), self._subscriptions, self._ids)
            with self._database.writer.block() as cursor, self._scoped(Scope.WRITE):
                yield tx
                reasons, files = _reasons(why or {}), write_reasons(tx.files)
                acts = [Act(by, did, to, reasons, premis, files)]
                acts += [Act(by, d, t, _reasons(w), self._premis(d)) for d, t, w in tx.notes]
                growth = self._chain.place(cursor, acts, tx.at)
            self._chain.accept(growth)
            group.rows.extend(growth.rows)
            self._promise(group, tx)
        self._database.writer.settle(group)

    def note(self, *, by: str, did: str, to: str, why: Why | None = None) -> None:
        """Leave evidence of what changes no row but matters: a reading, a refusal, a download."""
        act = Act(by, did, to, _reasons(why or {}), self._premis(did))
        check_unicode(by, to, act.why)  # here, since later it would fail its whole group
        writer = self._database.writer
        if writer.is_mine:
            raise ConflictError("A write is open already in this thread; use its `note`.")
        writer.settle(writer.join(act))

    @contextmanager
    def upkeep(self) -> Iterator[Tx]:
        """Commit housekeeping without evidence; only tables marked as upkeep may be written."""
        with self._take_turn() as (connection, group):
            tx = Tx(connection, self._clock.now(), self._subscriptions, self._ids)
            with self._database.writer.block(), self._scoped(Scope.UPKEEP):
                yield tx
                if tx.notes or tx.files:
                    raise InvalidError("Housekeeping leaves no evidence; open a write for it.")
            self._promise(group, tx)
        self._database.writer.settle(group)

    def opened(self, connection: Connection) -> None:
        """Watch a newly opened writing connection. For the database's writer."""
        event.listen(connection, "before_cursor_execute", self._guard.before_cursor_execute)

    def begun(self, cursor: Cursor) -> None:
        """Look where the log stands at the start of a shared transaction. For the writer."""
        self._chain.refresh(cursor)

    def committing(self, cursor: Cursor, group: Group) -> None:
        """Place the notes of the group and write its leaves before its commit. For the writer."""
        failpoint("journal.before_commit")
        if group.notes:
            growth = self._chain.place(cursor, group.notes, iso(self._clock.now()))
            self._chain.accept(growth)
            group.rows.extend(growth.rows)
        if group.rows:
            self._chain.write(cursor, group.rows)
        failpoint("journal.leaves_written")

    def lost(self) -> None:
        """Forget what a failed commit took with it. For the writer."""
        self._chain.forget()

    def _take_turn(self) -> AbstractContextManager[tuple[Connection, Group]]:
        writer = self._database.writer
        if writer.is_mine:
            raise ConflictError("A write is open already in this thread; use its transaction.")
        return writer.turn()

    @contextmanager
    def _scoped(self, scope: Scope) -> Iterator[None]:
        self._guard.scope = scope
        try:
            yield
        finally:
            self._guard.scope = Scope.CLOSED

    def _promise(self, group: Group, tx: Tx) -> None:
        if tx.queued and not group.after:
            group.after.append(self.on_tasks)

    def _premis(self, did: str) -> str | None:
        try:
            return self._events[did]
        except KeyError:
            raise EventUnknownError(
                f"The event {did} is not declared in any room's events.", code="event_unknown"
            ) from None


def _reasons(why: Why) -> str:
    text = write_reasons(why)
    if len(text) > LARGEST_REASONS:
        raise InvalidError(
            f"The reasons take more than {LARGEST_REASONS} characters; say it shorter.",
            code="reasons_too_long",
        )
    return text
