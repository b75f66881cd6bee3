"""SQL of data flows and of the tokens that open them."""

from dataclasses import replace

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from tidegate.connector.dataplane.errors import FlowChangedError
from tidegate.connector.dataplane.model import DataFlowState, FlowRecord
from tidegate.db.tables.connector import connector_flow, connector_token


def find_flow(conn: Connection, pid: str) -> FlowRecord | None:
    """Return a flow, or None."""
    found = conn.execute(select(connector_flow.c.body).where(connector_flow.c.pid == pid)).scalar()
    return None if found is None else msgspec.json.decode(found, type=FlowRecord)


def list_flows(conn: Connection, state: DataFlowState) -> tuple[FlowRecord, ...]:
    """Return the flows in a state, oldest change first."""
    rows = conn.execute(
        select(connector_flow.c.body)
        .where(connector_flow.c.state == state.value)
        .order_by(connector_flow.c.changed_at, connector_flow.c.pid)
    )
    return tuple(msgspec.json.decode(row.body, type=FlowRecord) for row in rows)


def put_flow(conn: Connection, record: FlowRecord, at: str) -> FlowRecord:
    """Save a flow whose revision is the one that was read; raise FlowChangedError otherwise."""
    saved = replace(record, revision=record.revision + 1)
    values = {
        "state": saved.state.value,
        "body": msgspec.json.encode(saved).decode(),
        "changed_at": at,
        "revision": saved.revision,
    }
    table = connector_flow
    if record.revision == 0:
        conn.execute(insert(table), {"pid": saved.flow.pid, **values})
        return saved
    done = conn.execute(
        update(table)
        .where(table.c.pid == saved.flow.pid, table.c.revision == record.revision)
        .values(values)
    )
    if done.rowcount != 1:
        raise FlowChangedError("The flow changed at the same moment; try again.")
    return saved


def add_token(
    conn: Connection, row_id: str, pid: str, digest: str, *, at: str, expires_at: str
) -> None:
    """Keep the hash of a token that opens a flow, and forget what ended before."""
    table = connector_token
    conn.execute(delete(table).where(table.c.expires_at < at))
    conn.execute(
        insert(table),
        {
            "id": row_id,
            "transfer": pid,
            "digest": digest,
            "sealed": "",
            "issued_at": at,
            "expires_at": expires_at,
        },
    )


def is_token_of(conn: Connection, pid: str, digest: str, now: str) -> bool:
    """Tell whether a token with this hash opens this flow at this moment."""
    table = connector_token
    found = conn.execute(
        select(table.c.id).where(
            table.c.transfer == pid, table.c.digest == digest, table.c.expires_at > now
        )
    ).first()
    return found is not None


def prolong_tokens(conn: Connection, pid: str, *, at: str, expires_at: str) -> None:
    """Let the tokens that open a flow at the moment `at` do so until `expires_at`."""
    table = connector_token
    still = (table.c.transfer == pid) & (table.c.expires_at > at)
    conn.execute(update(table).where(still).values(expires_at=expires_at))


def drop_tokens(conn: Connection, pid: str) -> None:
    """Forget every token of a flow."""
    conn.execute(delete(connector_token).where(connector_token.c.transfer == pid))
