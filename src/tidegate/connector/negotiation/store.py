"""SQL of negotiations and their strategies."""

import json
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from tidegate.connector.messages.errors import ProcessUnknownError
from tidegate.connector.messages.model import Side
from tidegate.connector.messages.store import write_body
from tidegate.connector.negotiation.errors import NegotiationRacedError
from tidegate.connector.negotiation.machine import FINAL, OPEN
from tidegate.connector.negotiation.model import (
    Assessment,
    ChosenStrategy,
    Negotiation,
    NegotiationState,
    Strategy,
)
from tidegate.connector.negotiation.strategy import read_strategy
from tidegate.db.tables.connector import connector_negotiation as table
from tidegate.db.tables.connector import connector_strategy

_COLUMNS = tuple(table.c)
# Each runs a dozen times in a negotiation, and to build it would cost more than to run it.
_GET = select(*_COLUMNS).where(table.c.pid == bindparam("read_pid"))
_SAVE = update(table).where(
    table.c.pid == bindparam("read_pid"), table.c.revision == bindparam("read_revision")
)


def insert_negotiation(conn: Connection, one: Negotiation) -> None:
    """Keep a new negotiation."""
    conn.execute(insert(table), _values(one))


def save_negotiation(conn: Connection, one: Negotiation) -> Negotiation:
    """Replace the negotiation whose revision is the one that was read.

    Raises NegotiationRacedError when somebody else wrote in between: look again, decide again.
    """
    read = {"read_pid": one.pid, "read_revision": one.revision}
    done = conn.execute(_SAVE, {**_values(one), "revision": one.revision + 1, **read})
    if done.rowcount != 1:
        raise NegotiationRacedError("The negotiation changed at the same moment; try again.")
    return replace(one, revision=one.revision + 1)


def get_negotiation(conn: Connection, pid: str) -> Negotiation:
    """Return a negotiation; raise ProcessUnknownError."""
    row = conn.execute(_GET, {"read_pid": pid}).first()
    if row is None:
        raise ProcessUnknownError("There is no such negotiation.", code="negotiation_unknown")
    return _negotiation(row)


def find_by_peer(conn: Connection, peer_did: str, peer_pid: str, side: Side) -> Negotiation | None:
    """Return the negotiation a peer opened under its own pid, or None."""
    row = conn.execute(
        select(*_COLUMNS).where(
            table.c.peer_did == peer_did, table.c.peer_pid == peer_pid, table.c.side == side.value
        )
    ).first()
    return _negotiation(row) if row else None


def list_negotiations(
    conn: Connection, *, state: str = "", waiting: str = "", limit: int = 200
) -> tuple[Negotiation, ...]:
    """Return negotiations, newest first."""
    query = select(*_COLUMNS).order_by(table.c.created_at.desc(), table.c.pid.desc())
    if state:
        query = query.where(table.c.state == state)
    if waiting:
        query = query.where(table.c.waiting == waiting)
    return tuple(_negotiation(row) for row in conn.execute(query.limit(limit)))


def list_open(conn: Connection, limit: int) -> tuple[Negotiation, ...]:
    """Return the negotiations that are not over, oldest first."""
    query = select(*_COLUMNS).where(table.c.state.not_in([state.value for state in FINAL]))
    ordered = query.order_by(table.c.created_at, table.c.pid)
    return tuple(_negotiation(row) for row in conn.execute(ordered.limit(limit)))


def count_open(conn: Connection, peer_did: str) -> int:
    """Return how many negotiations with a peer are not over."""
    mine = table.c.peer_did == peer_did
    query = select(func.count()).where(mine, table.c.state.in_([one.value for one in OPEN]))
    return int(conn.execute(query).scalar_one())


def count_waiting(conn: Connection) -> int:
    """Return how many negotiations wait for a person here."""
    query = select(func.count()).where(table.c.waiting == "person")
    return int(conn.execute(query).scalar_one())


def find_by_agreement(conn: Connection, agreement_id: str) -> Negotiation | None:
    """Return the negotiation an agreement came from, or None where it was not made here."""
    spoken = table.c.agreement.like(f"%{json.dumps(agreement_id)[1:-1]}%")
    rows = conn.execute(select(*_COLUMNS).where(spoken).order_by(table.c.created_at.desc()))
    found = (_negotiation(row) for row in rows)
    return next((one for one in found if one.agreement_id == agreement_id), None)


def find_strategy(conn: Connection, subject: str) -> Strategy | None:
    """Return the strategy set for an offer (provider) or dataset (consumer), or None."""
    found = conn.execute(
        select(connector_strategy.c.body).where(connector_strategy.c.subject == subject)
    ).scalar()
    return read_strategy(found) if found is not None else None


def put_strategy(conn: Connection, subject: str, strategy: Strategy, *, by: str, at: str) -> None:
    """Set the strategy of an offer or dataset."""
    conn.execute(delete(connector_strategy).where(connector_strategy.c.subject == subject))
    conn.execute(
        insert(connector_strategy),
        {
            "subject": subject,
            "body": msgspec.json.encode(strategy).decode(),
            "set_by": by,
            "set_at": at,
        },
    )


def list_strategies(conn: Connection) -> tuple[ChosenStrategy, ...]:
    """Return every strategy that was set, by what it was set for."""
    rows = conn.execute(select(connector_strategy).order_by(connector_strategy.c.subject))
    return tuple(
        ChosenStrategy(row.subject, read_strategy(row.body), row.set_by, row.set_at) for row in rows
    )


def drop_strategy(conn: Connection, subject: str) -> None:
    """Forget the strategy of an offer or dataset."""
    conn.execute(delete(connector_strategy).where(connector_strategy.c.subject == subject))


def _values(one: Negotiation) -> dict[str, Any]:
    return {
        "pid": one.pid,
        "side": one.side.value,
        "peer_did": one.peer_did,
        "peer_name": one.peer_name,
        "peer_pid": one.peer_pid,
        "peer_address": one.peer_address,
        "dataset_id": one.dataset_id,
        "version_id": one.version_id,
        "offer_id": one.offer_id,
        "offer": write_body(one.offer),
        "offered_by": one.offered_by.value,
        "state": one.state.value,
        "pending": one.pending,
        "waiting": one.waiting,
        "rounds": one.rounds,
        "agreement": write_body(one.agreement),
        "reason_code": one.reason_code,
        "reason": one.reason,
        "assessment": msgspec.json.encode(one.assessment).decode(),
        "created_by": one.created_by,
        "created_at": one.created_at,
        "changed_by": one.changed_by,
        "changed_at": one.changed_at,
        "revision": one.revision,
    }


def _negotiation(row: Row[Any]) -> Negotiation:
    return Negotiation(
        pid=row.pid,
        side=Side(row.side),
        peer_did=row.peer_did,
        peer_name=row.peer_name,
        peer_pid=row.peer_pid,
        peer_address=row.peer_address,
        dataset_id=row.dataset_id,
        version_id=row.version_id,
        offer_id=row.offer_id,
        offer=msgspec.json.decode(row.offer),
        offered_by=Side(row.offered_by),
        state=NegotiationState(row.state),
        created_by=row.created_by,
        created_at=row.created_at,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
        pending=row.pending,
        waiting=row.waiting,
        rounds=row.rounds,
        agreement=msgspec.json.decode(row.agreement),
        reason_code=row.reason_code,
        reason=row.reason,
        assessment=msgspec.json.decode(row.assessment, type=Assessment | None),
        revision=row.revision,
    )
