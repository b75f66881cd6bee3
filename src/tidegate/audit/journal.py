"""The only way to write: rows, their evidence and their messages commit together or not at all."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, event, func, insert, select
from sqlalchemy.sql.dml import UpdateBase

from tidegate.audit.model import NO_PREVIOUS, Entry, leaf_hash
from tidegate.db.engine import Database
from tidegate.db.outbox import queue_task
from tidegate.db.tables.audit import audit_attachment, audit_leaf
from tidegate.kernel.canonical import Json, canonical_json, sha256_hex
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.errors import ConflictError, InvalidError, UnavailableError
from tidegate.kernel.ids import Ids

P = ParamSpec("P")
T = TypeVar("T")
Why = Mapping[str, Json]

_UPKEEP_ONLY = "tidegate_upkeep_only"


@dataclass(slots=True)
class Tx:
    """An open write. Stores take its `connection`; facts and messages leave with its commit."""

    connection: Connection
    now: datetime
    subscriptions: Mapping[str, tuple[str, ...]]
    ids: Ids
    notes: list[tuple[str, str, Why]] = field(default_factory=list)
    queued: int = 0

    @property
    def at(self) -> str:
        """Return the moment of this write, as it stands in the evidence."""
        return iso(self.now)

    def announce(self, fact: str, **about: str) -> None:
        """Queue one task for every handler that subscribed to `fact`."""
        for handler in self.subscriptions.get(fact, ()):
            self.enqueue(handler, **about)

    def enqueue(self, handler: str, *, lane: str = "", delay: float = 0.0, **payload: str) -> None:
        """Queue one task; tasks of one lane run in order, one at a time."""
        queue_task(self.connection, handler, payload, now=self.now, lane=lane, delay=delay)
        self.queued += 1

    def send(self, *, to: str, kind: str, body: Mapping[str, Any]) -> None:
        """Queue a peer message to the node with the DID `to`."""
        self.enqueue(
            "peer.send",
            lane=f"peer:{to}",
            id=self.ids.urn(),
            to=to,
            kind=kind,
            body=canonical_json(body).decode(),
        )

    def note(self, *, did: str, to: str, why: Why | None = None) -> None:
        """Leave a further leaf in this same write, about another subject."""
        self.notes.append((did, to, why or {}))

    def attach(self, media_type: str, content: bytes) -> str:
        """Keep a document the evidence refers to; return the SHA-256 to name it by in `why`."""
        digest = sha256_hex(content)
        known = select(audit_attachment.c.sha256).where(audit_attachment.c.sha256 == digest)
        if self.connection.execute(known).first() is None:
            self.connection.execute(
                insert(audit_attachment),
                {"sha256": digest, "media_type": media_type, "added_at": self.at, "body": content},
            )
        return digest


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
        self._log = log
        self._events = events
        self._subscriptions = subscriptions or {}
        self._size = -1
        self._heads: dict[str, tuple[int, str]] = {}
        self.on_tasks: Callable[[], None] = lambda: None

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
        self._check(did)
        with self._turn() as tx:
            yield tx
            self._append(tx, by, [(did, to, why or {}), *tx.notes])

    def note(self, *, by: str, did: str, to: str, why: Why | None = None) -> None:
        """Leave evidence of what changes nothing but matters: a read of rows, a refusal, a download."""
        with self.write(by=by, did=did, to=to, why=why):
            pass

    @contextmanager
    def upkeep(self) -> Iterator[Tx]:
        """Commit housekeeping without evidence; only tables marked as upkeep may be written."""
        with self._turn() as tx:
            event.listen(tx.connection, "before_execute", _refuse_evidence_tables)
            try:
                yield tx
            finally:
                event.remove(tx.connection, "before_execute", _refuse_evidence_tables)
            if tx.notes:
                raise InvalidError("Housekeeping leaves no evidence; open a write for it.")

    @contextmanager
    def _turn(self) -> Iterator[Tx]:
        writer = self._database.writer
        if writer.is_mine:
            raise ConflictError("A write is open already in this thread; use its transaction.")
        with writer.turn() as (connection, group, fresh):
            if fresh:
                self._refresh(connection)
            tx = Tx(connection, self._clock.now(), self._subscriptions, self._ids)
            yield tx
            if tx.queued and not group.after:
                group.after.append(self.on_tasks)
        writer.settle(group)

    def _refresh(self, connection: Connection) -> None:
        """Learn what another process appended since this one last wrote."""
        last = connection.execute(select(func.max(audit_leaf.c.position))).scalar()
        size = 0 if last is None else last + 1
        if size != self._size:
            self._heads.clear()
        self._size = size

    def _check(self, did: str) -> None:
        if did not in self._events:
            raise InvalidError(
                f"The event {did} is not declared in any room's events.", code="event_unknown"
            )

    def _append(self, tx: Tx, by: str, acts: list[tuple[str, str, Why]]) -> None:
        rows, heads = [], {}
        for offset, (did, to, why) in enumerate(acts):
            self._check(did)
            number, previous = heads.get(to) or self._head(tx.connection, to)
            entry = Entry(
                self._log, tx.at, by, did, to, number + 1, previous, why, self._events[did]
            )
            leaf = entry.canonical()
            heads[to] = (number + 1, leaf_hash(leaf))
            rows.append(
                {
                    "position": self._size + offset,
                    "subject": to,
                    "number": number + 1,
                    "at": tx.at,
                    "actor": by,
                    "event": did,
                    "body": leaf.decode(),
                    "hash": heads[to][1],
                }
            )
        try:
            tx.connection.execute(insert(audit_leaf), rows)
        except Exception as problem:
            raise UnavailableError(
                "The evidence could not be written, so the act did not happen; check the disk and"
                " the database, then try again.",
                code="evidence_unwritable",
            ) from problem
        self._size += len(rows)
        self._heads.update(heads)

    def _head(self, connection: Connection, subject: str) -> tuple[int, str]:
        if subject not in self._heads:
            row = connection.execute(
                select(audit_leaf.c.number, audit_leaf.c.hash)
                .where(audit_leaf.c.subject == subject)
                .order_by(audit_leaf.c.number.desc())
                .limit(1)
            ).first()
            self._heads[subject] = (row.number, row.hash) if row else (0, NO_PREVIOUS)
        return self._heads[subject]


def _refuse_evidence_tables(_connection: Any, statement: Any, *_rest: Any) -> None:
    if isinstance(statement, UpdateBase):
        table = getattr(statement, "table", None)
        if table is None or not table.info.get("upkeep"):
            raise InvalidError(
                f"Housekeeping may not write {getattr(table, 'name', 'this')}; open a write with its reason.",
                code="not_upkeep",
            )
