"""The credentials a node holds, and what it asked its issuer for."""

from sqlalchemy import Connection, delete, insert, select, update

from tidegate.connector.identity.model import Credential
from tidegate.db.tables.connector_identity import connector_ask, connector_credential


def list_held(conn: Connection) -> tuple[tuple[str, str, str, str, str], ...]:
    """Return id, type, beginning, end and JWT of every credential held, newest last."""
    table = connector_credential.c
    rows = conn.execute(
        select(table.id, table.type, table.valid_from, table.valid_until, table.jwt).order_by(
            table.valid_until, table.id
        )
    )
    return tuple((row.id, row.type, row.valid_from, row.valid_until, row.jwt) for row in rows)


def keep(conn: Connection, credential: Credential, at: str) -> None:
    """Keep a credential in the place of older ones of its type and issuer; not of a newer one."""
    table = connector_credential
    alike = (table.c.type == credential.type, table.c.issuer == credential.issuer)
    newer = select(table.c.id).where(*alike, table.c.valid_from > credential.valid_from)
    if conn.execute(newer).first() is not None:
        return
    conn.execute(delete(table).where(*alike))
    conn.execute(
        insert(table),
        {
            "id": credential.id,
            "type": credential.type,
            "issuer": credential.issuer,
            "subject": credential.subject,
            "valid_from": credential.valid_from,
            "valid_until": credential.valid_until,
            "stored_at": at,
            "jwt": credential.jwt,
        },
    )


def add_ask(conn: Connection, holder_pid: str, issuer: str, at: str) -> None:
    """Remember that credentials were asked for under this id."""
    conn.execute(
        insert(connector_ask),
        {
            "holder_pid": holder_pid,
            "issuer": issuer,
            "status": "RECEIVED",
            "reason": "",
            "asked_at": at,
        },
    )


def find_ask(conn: Connection, holder_pid: str) -> str | None:
    """Return the issuer that was asked under this id."""
    return conn.execute(
        select(connector_ask.c.issuer).where(connector_ask.c.holder_pid == holder_pid)
    ).scalar()


def answer_ask(conn: Connection, holder_pid: str, status: str, reason: str) -> None:
    """Note how the issuer answered."""
    conn.execute(
        update(connector_ask)
        .where(connector_ask.c.holder_pid == holder_pid)
        .values(status=status, reason=reason)
    )


def last_ask(conn: Connection) -> tuple[str, str, str] | None:
    """Return status, reason and moment of the last request for credentials."""
    table = connector_ask.c
    row = conn.execute(
        select(table.status, table.reason, table.asked_at)
        .order_by(table.asked_at.desc(), table.holder_pid.desc())
        .limit(1)
    ).first()
    return None if row is None else (row.status, row.reason, row.asked_at)
