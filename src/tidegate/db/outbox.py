"""The outbox: tasks promised inside a write, done after it by the work room."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert

from tidegate.db.tables.work import work_task
from tidegate.kernel.canonical import canonical_json
from tidegate.kernel.clock import iso


def lane_of(lane: str, party: str) -> str:
    """Write the lane of tasks that call a party."""
    return f"{lane}@{party}" if party else lane


def party_of(lane: str) -> str:
    """Return the party that the tasks of a lane call, or an empty string."""
    return lane.partition("@")[2]


def queue_task(
    connection: Connection,
    handler: str,
    payload: Mapping[str, str],
    *,
    now: datetime,
    lane: str = "",
    party: str = "",
    delay: float = 0.0,
) -> None:
    """Promise that `handler` runs with `payload`, at the earliest `delay` seconds from `now`.

    Tasks of one lane run strictly in the order they were promised, one at a time. Tasks that call
    the same `party` never take all the hands there are.
    """
    connection.execute(
        insert(work_task),
        {
            "handler": handler,
            "lane": lane_of(lane, party),
            "payload": canonical_json(payload).decode(),
            "state": "waiting",
            "attempts": 0,
            "due_after": delay,
            "queued_at": iso(now),
            "due_at": iso(now + timedelta(seconds=delay)),
        },
    )
