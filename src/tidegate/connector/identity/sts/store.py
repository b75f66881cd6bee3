"""The clients of the secure token service; of a secret only its hash is kept."""

from sqlalchemy import Connection, func, insert, select, update

from tidegate.connector.identity.model import StsClient
from tidegate.db.tables.connector_identity import connector_sts_client as table


def add(conn: Connection, client: StsClient, secret_hash: str, by: str) -> None:
    """Keep a client."""
    conn.execute(
        insert(table),
        {
            "id": client.id,
            "name": client.name,
            "secret_hash": secret_hash,
            "scopes": " ".join(client.scopes),
            "created_at": client.created_at,
            "created_by": by,
        },
    )


def find(conn: Connection, client_id: str) -> tuple[StsClient, str] | None:
    """Return a client that was not removed, and the hash of its secret."""
    row = conn.execute(
        select(table.c.name, table.c.scopes, table.c.created_at, table.c.secret_hash).where(
            table.c.id == client_id, table.c.removed_at.is_(None)
        )
    ).first()
    if row is None:
        return None
    found = StsClient(client_id, row.name, tuple(row.scopes.split()), row.created_at)
    return found, row.secret_hash


def list_clients(conn: Connection) -> tuple[StsClient, ...]:
    """Return every client that was not removed."""
    rows = conn.execute(
        select(table.c.id, table.c.name, table.c.scopes, table.c.created_at)
        .where(table.c.removed_at.is_(None))
        .order_by(table.c.created_at, table.c.id)
    )
    return tuple(
        StsClient(row.id, row.name, tuple(row.scopes.split()), row.created_at) for row in rows
    )


def is_open(conn: Connection) -> bool:
    """Whether there is any client."""
    count = select(func.count()).select_from(table).where(table.c.removed_at.is_(None))
    return conn.execute(count).scalar_one() > 0


def remove(conn: Connection, client_id: str, at: str) -> int:
    """Mark a client as removed; return how many were."""
    done = conn.execute(
        update(table)
        .where(table.c.id == client_id, table.c.removed_at.is_(None))
        .values(removed_at=at)
    )
    return done.rowcount
