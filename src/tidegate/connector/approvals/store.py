"""SQL of approvals of rows."""

from dataclasses import replace

import msgspec
from sqlalchemy import Connection, insert, select, update

from tidegate.connector.approvals.errors import ApprovalRacedError, ApprovalUnknownError
from tidegate.connector.approvals.model import ApprovalState, RowsApproval
from tidegate.db.tables.connector_approvals import connector_approval as table


def put(conn: Connection, one: RowsApproval, at: str) -> RowsApproval:
    """Save a question whose revision is the one that was read; raise ApprovalRacedError."""
    saved = replace(one, revision=one.revision + 1)
    values = {
        "agreement_id": saved.frame.agreement_id,
        "digest": saved.digest,
        "state": saved.state.value,
        "body": msgspec.json.encode(saved).decode(),
        "changed_at": at,
        "revision": saved.revision,
    }
    if one.revision == 0:
        conn.execute(insert(table), {"id": saved.id, **values})
        return saved
    done = conn.execute(
        update(table).where(table.c.id == one.id, table.c.revision == one.revision).values(values)
    )
    if done.rowcount != 1:
        raise ApprovalRacedError("This was answered at the same moment; look again.")
    return saved


def get(conn: Connection, approval_id: str) -> RowsApproval:
    """Return a question; raise ApprovalUnknownError."""
    found = conn.execute(select(table.c.body).where(table.c.id == approval_id)).scalar()
    if found is None:
        raise ApprovalUnknownError("Nothing of that name was asked.", code="approval_unknown")
    return msgspec.json.decode(found, type=RowsApproval)


def list_of(
    conn: Connection, *, agreement_id: str = "", state: str = "", limit: int = 200
) -> tuple[RowsApproval, ...]:
    """Return questions, the oldest change first."""
    query = select(table.c.body).order_by(table.c.changed_at, table.c.id).limit(limit)
    if agreement_id:
        query = query.where(table.c.agreement_id == agreement_id)
    if state:
        query = query.where(table.c.state == state)
    rows = conn.execute(query).scalars()
    return tuple(msgspec.json.decode(body, type=RowsApproval) for body in rows)


def find_standing(conn: Connection, digest: str) -> RowsApproval | None:
    """Return the question of this hash that has not lapsed, or None."""
    found = conn.execute(
        select(table.c.body).where(
            table.c.digest == digest, table.c.state != ApprovalState.LAPSED.value
        )
    ).scalar()
    return None if found is None else msgspec.json.decode(found, type=RowsApproval)


def list_standing(conn: Connection, agreement_id: str) -> tuple[RowsApproval, ...]:
    """Return the questions of an agreement that have not lapsed."""
    rows = conn.execute(
        select(table.c.body).where(
            table.c.agreement_id == agreement_id, table.c.state != ApprovalState.LAPSED.value
        )
    ).scalars()
    return tuple(msgspec.json.decode(body, type=RowsApproval) for body in rows)
