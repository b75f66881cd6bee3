"""SQL of the kept messages."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from tidegate.connector.messages.model import Direction, MessageRecord, MessageState
from tidegate.db.tables.connector import connector_attempt
from tidegate.db.tables.connector import connector_message as table
from tidegate.kernel.canonical import sha256_hex
from tidegate.kernel.values import dataclass

_COLUMNS = tuple(table.c)
# Every message asks these, and to build them would cost more than to run them.
_LAST_POSITION = select(func.max(table.c.position)).where(table.c.process == bindparam("process"))
_FIND = select(*_COLUMNS).where(table.c.id == bindparam("id"))
_ACCEPTED = (
    select(table.c.id)
    .where(
        table.c.process == bindparam("process"),
        table.c.direction == Direction.IN.value,
        table.c.message_id == bindparam("message_id"),
        table.c.state == MessageState.ACCEPTED.value,
    )
    .limit(1)
)

_LAST_TAKEN = (
    select(*_COLUMNS)
    .where(
        table.c.process == bindparam("process"),
        table.c.direction == Direction.IN.value,
        table.c.state == MessageState.ACCEPTED.value,
    )
    .order_by(table.c.position.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One failed try to deliver a message, with its reason."""

    message: str
    number: int
    at: str
    code: str
    words: str


def write_body(document: Mapping[str, Any]) -> str:
    """Write a document for keeping; what a peer said may hold numbers evidence would not."""
    return json.dumps(document, ensure_ascii=True, separators=(",", ":"), sort_keys=True)


def body_digest(document: Mapping[str, Any]) -> str:
    """Return the hash by which evidence names a message."""
    return sha256_hex(write_body(document).encode())


def insert_message(conn: Connection, record: MessageRecord) -> None:
    """Keep a new message."""
    conn.execute(
        insert(table),
        {
            "id": record.id,
            "process": record.process,
            "position": record.position,
            "direction": record.direction.value,
            "type": record.type,
            "action": record.action,
            "message_id": record.message_id,
            "body": write_body(record.body),
            "state": record.state.value,
            "attempts": record.attempts,
            "created_at": record.created_at,
            "changed_at": record.changed_at,
            "code": record.code,
            "outcome": record.outcome,
        },
    )


def next_position(conn: Connection, process: str) -> int:
    """Return the place of the next message of a process."""
    last = conn.execute(_LAST_POSITION, {"process": process}).scalar()
    return 0 if last is None else int(last) + 1


def find_message(conn: Connection, message: str) -> MessageRecord | None:
    """Return a message by its row id, or None."""
    row = conn.execute(_FIND, {"id": message}).first()
    return _record(row) if row else None


def was_accepted(conn: Connection, process: str, message_id: str) -> bool:
    """Tell whether an incoming message with this `@id` was taken before."""
    asked = {"process": process, "message_id": message_id}
    return bool(message_id) and conn.execute(_ACCEPTED, asked).first() is not None


def find_last_taken(conn: Connection, process: str) -> MessageRecord | None:
    """Return the last incoming message of a process that was taken, or None."""
    row = conn.execute(_LAST_TAKEN, {"process": process}).first()
    return _record(row) if row else None


def count_again(conn: Connection, message: str) -> None:
    """Note that the peer said a message once more, which was taken the first time."""
    conn.execute(
        update(table)
        .where(table.c.id == message)
        .values(attempts=table.c.attempts + 1, outcome="Taken; the peer has said it again since.")
    )


def list_messages(conn: Connection, process: str) -> tuple[MessageRecord, ...]:
    """Return every message of a process, oldest first."""
    query = select(*_COLUMNS).where(table.c.process == process).order_by(table.c.position)
    return tuple(_record(row) for row in conn.execute(query))


def count_refused(conn: Connection, process: str) -> int:
    """Return how many incoming messages of a process were refused."""
    query = select(func.count()).where(
        table.c.process == process, table.c.state == MessageState.REFUSED.value
    )
    return int(conn.execute(query).scalar_one())


def settle_message(
    conn: Connection, message: str, *, state: MessageState, outcome: str, code: str, at: str
) -> None:
    """Say what became of a queued message; one that is settled stays as it is."""
    conn.execute(
        update(table)
        .where(table.c.id == message, table.c.state == MessageState.QUEUED.value)
        .values(
            state=state.value,
            outcome=outcome,
            code=code,
            changed_at=at,
            attempts=table.c.attempts + (1 if state is MessageState.ACKNOWLEDGED else 0),
        )
    )


def record_attempt(conn: Connection, message: str, *, outcome: str, code: str, at: str) -> None:
    """Count a try that failed, and keep its reason; one that is settled stays as it is."""
    counted = conn.execute(
        update(table)
        .where(table.c.id == message, table.c.state == MessageState.QUEUED.value)
        .values(attempts=table.c.attempts + 1, outcome=outcome, code=code, changed_at=at)
    )
    if counted.rowcount != 1:
        return
    number = select(table.c.attempts).where(table.c.id == message).scalar_subquery()
    conn.execute(
        insert(connector_attempt).values(
            message=message, number=number, at=at, code=code, outcome=outcome
        )
    )


def list_attempts(conn: Connection, process: str) -> tuple[AttemptRecord, ...]:
    """Return the failed tries of every message of a process, in order."""
    kept = connector_attempt.c
    query = (
        select(kept.message, kept.number, kept.at, kept.code, kept.outcome)
        .join(table, table.c.id == kept.message)
        .where(table.c.process == process)
        .order_by(table.c.position, kept.number)
    )
    return tuple(AttemptRecord(*row) for row in conn.execute(query))


def _record(row: Row[Any]) -> MessageRecord:
    return MessageRecord(
        id=row.id,
        process=row.process,
        position=row.position,
        direction=Direction(row.direction),
        type=row.type,
        action=row.action,
        message_id=row.message_id,
        body=json.loads(row.body),
        state=MessageState(row.state),
        attempts=row.attempts,
        created_at=row.created_at,
        changed_at=row.changed_at,
        code=row.code,
        outcome=row.outcome,
    )
