"""Requests for credentials, and the credentials issued with their places in the status lists."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from tidegate.connector.identity.model import CredentialRequest, IssuedCredential, RequestStatus
from tidegate.connector.identity.status_list import place_of
from tidegate.db.tables.connector_identity import connector_issued, connector_request


def add_request(conn: Connection, request: CredentialRequest) -> None:
    """Keep a request."""
    conn.execute(
        insert(connector_request),
        {
            "id": request.id,
            "holder": request.holder,
            "holder_pid": request.holder_pid,
            "types": " ".join(request.types),
            "status": request.status.value,
            "reason": request.reason,
            "created_at": request.created_at,
        },
    )


def find_request(conn: Connection, request_id: str) -> CredentialRequest | None:
    """Return the request with that id."""
    row = conn.execute(
        select(
            connector_request.c.id,
            connector_request.c.holder,
            connector_request.c.holder_pid,
            connector_request.c.types,
            connector_request.c.status,
            connector_request.c.reason,
            connector_request.c.created_at,
        ).where(connector_request.c.id == request_id)
    ).first()
    if row is None:
        return None
    return CredentialRequest(
        id=row.id,
        holder=row.holder,
        holder_pid=row.holder_pid,
        types=tuple(row.types.split(" ")),
        status=RequestStatus(row.status),
        reason=row.reason,
        created_at=row.created_at,
    )


def set_request_status(
    conn: Connection, request_id: str, status: RequestStatus, reason: str = ""
) -> None:
    """Note where a request stands."""
    conn.execute(
        update(connector_request)
        .where(connector_request.c.id == request_id)
        .values(status=status.value, reason=reason)
    )


def last_list(conn: Connection) -> int:
    """Return the number of the newest status list."""
    return conn.execute(select(func.max(connector_issued.c.list_number))).scalar() or 0


def next_place(conn: Connection, key: bytes) -> tuple[int, int]:
    """Return the list and the index of the next credential; each is given once, ever."""
    count = conn.execute(select(func.count()).select_from(connector_issued)).scalar_one()
    while True:
        number, index = place_of(count, key)
        taken = select(connector_issued.c.id).where(
            connector_issued.c.list_number == number, connector_issued.c.list_index == index
        )
        if conn.execute(taken).first() is None:
            return number, index
        count += 1


def add_issued(conn: Connection, issued: IssuedCredential) -> None:
    """Keep the record of a credential that is issued."""
    conn.execute(
        insert(connector_issued),
        {
            "id": issued.id,
            "request_id": issued.request_id,
            "holder": issued.holder,
            "type": issued.type,
            "format": issued.format,
            "list_number": issued.list_number,
            "list_index": issued.list_index,
            "issued_at": issued.issued_at,
            "expires_at": issued.expires_at,
        },
    )


def list_for_request(conn: Connection, request_id: str) -> tuple[IssuedCredential, ...]:
    """Return what was issued for a request."""
    return _listed(conn, connector_issued.c.request_id == request_id)


def list_for_holder(conn: Connection, holder: str) -> tuple[IssuedCredential, ...]:
    """Return every credential ever issued to a holder."""
    return _listed(conn, connector_issued.c.holder == holder)


def revoke_all(conn: Connection, holder: str, reason: str, at: str, *, kind: str = "") -> int:
    """Mark every living credential of a holder, or of one type, as revoked; return how many."""
    conditions = [
        connector_issued.c.holder == holder,
        connector_issued.c.revoked_at.is_(None),
        connector_issued.c.expires_at > at,
    ]
    if kind:
        conditions.append(connector_issued.c.type == kind)
    done = conn.execute(
        update(connector_issued).where(*conditions).values(revoked_at=at, revoked_reason=reason)
    )
    return done.rowcount


def revoked_places(conn: Connection, list_number: int) -> tuple[int, ...]:
    """Return the indexes that are revoked in a list."""
    rows = conn.execute(
        select(connector_issued.c.list_index).where(
            connector_issued.c.list_number == list_number,
            connector_issued.c.revoked_at.is_not(None),
        )
    )
    return tuple(row.list_index for row in rows)


def _listed(conn: Connection, condition: ColumnElement[bool]) -> tuple[IssuedCredential, ...]:
    table = connector_issued.c
    rows = conn.execute(
        select(
            table.id,
            table.request_id,
            table.holder,
            table.type,
            table.format,
            table.list_number,
            table.list_index,
            table.issued_at,
            table.expires_at,
            table.revoked_at,
            table.revoked_reason,
        )
        .where(condition)
        .order_by(table.list_number, table.list_index)
    )
    return tuple(_issued(row) for row in rows)


def _issued(row: Row[*tuple[Any, ...]]) -> IssuedCredential:
    return IssuedCredential(
        id=row.id,
        request_id=row.request_id,
        holder=row.holder,
        type=row.type,
        list_number=row.list_number,
        list_index=row.list_index,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        revoked_reason=row.revoked_reason or "",
        format=row.format,
    )
