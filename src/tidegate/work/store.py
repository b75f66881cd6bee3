"""SQL of the work room."""

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    delete,
    exists,
    func,
    not_,
    or_,
    select,
    update,
)

from tidegate.db.tables.work import work_task
from tidegate.work.errors import TaskNotFoundError
from tidegate.work.model import Task, TaskState

_COLUMNS = (
    work_task.c.seq,
    work_task.c.handler,
    work_task.c.lane,
    work_task.c.payload,
    work_task.c.state,
    work_task.c.attempts,
    work_task.c.queued_at,
    work_task.c.due_at,
    work_task.c.problem_code,
    work_task.c.problem,
)

_LARGEST_SEQ = 2**63  # what the databases count up to


_EARLIER = work_task.alias()
_HAS_EARLIER = exists().where(
    _EARLIER.c.lane == work_task.c.lane,
    _EARLIER.c.seq < work_task.c.seq,
    _EARLIER.c.state == TaskState.WAITING.value,
)
_READY = (  # asked whenever anything is promised or done
    select(*_COLUMNS)
    .where(
        work_task.c.state == TaskState.WAITING.value,
        work_task.c.due_at <= bindparam("now"),
        or_(work_task.c.lane == "", not_(_HAS_EARLIER)),
    )
    .order_by(work_task.c.seq)
    .limit(bindparam("most"))
)


def list_ready(conn: Connection, now: str, limit: int) -> tuple[Task, ...]:
    """Return the tasks that are due and first of their lane, oldest promise first.

    However many wait for a peer that is away, they do not hide what can be done.
    """
    return tuple(_task(row) for row in conn.execute(_READY, {"now": now, "most": limit}))


def list_parked(conn: Connection) -> tuple[Task, ...]:
    """Return the tasks that wait for a person, newest first."""
    query = select(*_COLUMNS).where(work_task.c.state == TaskState.PARKED.value)
    return tuple(_task(row) for row in conn.execute(query.order_by(work_task.c.seq.desc())))


def list_lane(conn: Connection, lane: str) -> tuple[Task, ...]:
    """Return the tasks of one lane, waiting and parked, oldest promise first."""
    query = select(*_COLUMNS).where(_is_lane(lane)).order_by(work_task.c.seq)
    return tuple(_task(row) for row in conn.execute(query))


def hasten(conn: Connection, lane: str, *, due_at: str) -> int:
    """Let the waiting tasks of a lane run now; return how many waited for later."""
    waits = (_is_lane(lane), work_task.c.state == TaskState.WAITING.value)
    return conn.execute(
        update(work_task).where(*waits, work_task.c.due_at > due_at).values(due_at=due_at)
    ).rowcount


def _is_lane(lane: str) -> ColumnElement[bool]:
    """Match a lane by its name alone, or with the party that its tasks call."""
    with_party = work_task.c.lane.startswith(f"{lane}@", autoescape=True)
    return or_(work_task.c.lane == lane, with_party)


def get_parked(conn: Connection, seq: int) -> Task:
    """Return one parked task; raise TaskNotFoundError."""
    parked = work_task.c.state == TaskState.PARKED.value
    found = select(*_COLUMNS).where(work_task.c.seq == seq, parked)
    row = conn.execute(found).first() if abs(seq) < _LARGEST_SEQ else None
    if row is None:
        raise TaskNotFoundError(f"No parked task has the number {seq}; reload the list.")
    return _task(row)


def count_by_state(conn: Connection) -> dict[str, int]:
    """Return how many tasks wait and how many are parked."""
    rows = conn.execute(select(work_task.c.state, func.count()).group_by(work_task.c.state))
    return {row[0]: row[1] for row in rows}


def delete_task(conn: Connection, seq: int) -> None:
    """Forget a task that is done or was discarded."""
    conn.execute(delete(work_task).where(work_task.c.seq == seq))


def postpone(conn: Connection, seq: int, *, attempts: int, due_at: str, problem: str) -> None:
    """Let a task wait until `due_at` after a failed try."""
    conn.execute(
        update(work_task)
        .where(work_task.c.seq == seq)
        .values(attempts=attempts, due_at=due_at, problem=problem)
    )


def park(conn: Connection, seq: int, *, attempts: int, code: str, problem: str) -> None:
    """Put a task aside, with the reason in words, until a person decides."""
    conn.execute(
        update(work_task)
        .where(work_task.c.seq == seq)
        .values(state=TaskState.PARKED.value, attempts=attempts, problem_code=code, problem=problem)
    )


def unpark(conn: Connection, seq: int, *, due_at: str) -> None:
    """Let a parked task run again, with its tries counted anew."""
    conn.execute(
        update(work_task)
        .where(work_task.c.seq == seq)
        .values(state=TaskState.WAITING.value, attempts=0, due_at=due_at)
    )


def revive(conn: Connection, lane: str, codes: Collection[str], now: str) -> int:
    """Let a lane go on now: what waits in it, and what was put aside for one of these reasons."""
    of_lane = update(work_task).where(work_task.c.lane == lane)
    waiting = conn.execute(
        of_lane.where(
            work_task.c.state == TaskState.WAITING.value, work_task.c.due_at > now
        ).values(due_at=now)
    )
    parked = conn.execute(
        of_lane.where(
            work_task.c.state == TaskState.PARKED.value, work_task.c.problem_code.in_(codes)
        ).values(state=TaskState.WAITING.value, attempts=0, due_at=now)
    )
    return int(waiting.rowcount) + int(parked.rowcount)


def _task(row: Row[*tuple[Any, ...]]) -> Task:
    return Task(
        row.seq,
        row.handler,
        row.lane,
        json.loads(row.payload),
        TaskState(row.state),
        row.attempts,
        row.queued_at,
        row.due_at,
        row.problem_code,
        row.problem,
    )
