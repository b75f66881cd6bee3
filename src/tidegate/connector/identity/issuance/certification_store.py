"""The certifications that the authority has granted to members of the space."""

from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from tidegate.connector.identity.model import Certification
from tidegate.db.tables.connector_identity import connector_certification as table


def add(conn: Connection, made: Certification, by: str) -> None:
    """Keep a certification."""
    conn.execute(
        insert(table),
        {
            "id": made.id,
            "holder": made.holder,
            "scheme": made.scheme,
            "granted_at": made.granted_at,
            "granted_by": by,
            "ends_at": made.ends_at,
        },
    )


def list_of(conn: Connection, holder: str) -> tuple[Certification, ...]:
    """Return every certification ever granted to a holder, or to anybody for an empty one."""
    wanted = select(
        table.c.id,
        table.c.holder,
        table.c.scheme,
        table.c.granted_at,
        table.c.ends_at,
        table.c.withdrawn_at,
        table.c.withdrawn_reason,
    ).order_by(table.c.holder, table.c.scheme, table.c.granted_at)
    if holder:
        wanted = wanted.where(table.c.holder == holder)
    return tuple(_read(row) for row in conn.execute(wanted))


def list_valid(conn: Connection, holder: str, now: str) -> tuple[Certification, ...]:
    """Return the certifications of a holder that hold at a moment."""
    return tuple(
        each for each in list_of(conn, holder) if each.withdrawn_at is None and each.ends_at > now
    )


def withdraw(conn: Connection, certification_id: str, reason: str, at: str) -> None:
    """Mark a certification as withdrawn."""
    conn.execute(
        update(table)
        .where(table.c.id == certification_id, table.c.withdrawn_at.is_(None))
        .values(withdrawn_at=at, withdrawn_reason=reason)
    )


def _read(row: Row[*tuple[Any, ...]]) -> Certification:
    return Certification(
        id=row.id,
        holder=row.holder,
        scheme=row.scheme,
        granted_at=row.granted_at,
        ends_at=row.ends_at,
        withdrawn_at=row.withdrawn_at,
        withdrawn_reason=row.withdrawn_reason or "",
    )
