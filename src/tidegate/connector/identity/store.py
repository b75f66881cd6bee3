"""What identity keeps: tokens seen, and the last status lists."""

import hashlib

from sqlalchemy import Connection, delete, insert, select

from tidegate.db.tables.connector_identity import (
    connector_peer_membership,
    connector_status_seen,
    connector_token_seen,
)


def remember_token(conn: Connection, issuer: str, jti: str, expires_at: str) -> bool:
    """Remember a token until it expires; return False when it was seen before."""
    digest = hashlib.sha256(f"{issuer}\n{jti}".encode()).hexdigest()
    known = select(connector_token_seen.c.digest).where(connector_token_seen.c.digest == digest)
    if conn.execute(known).first() is not None:
        return False
    conn.execute(insert(connector_token_seen), {"digest": digest, "expires_at": expires_at})
    return True


def purge_tokens(conn: Connection, before: str) -> int:
    """Forget the tokens that expired before a moment; return how many."""
    gone = conn.execute(
        delete(connector_token_seen).where(connector_token_seen.c.expires_at < before)
    )
    return gone.rowcount


def find_status_list(conn: Connection, url: str) -> str | None:
    """Return the last status list fetched from this address."""
    return conn.execute(
        select(connector_status_seen.c.jwt).where(connector_status_seen.c.url == url)
    ).scalar()


def keep_status_list(conn: Connection, url: str, jwt: str, at: str) -> None:
    """Keep a status list in the place of an older one."""
    conn.execute(delete(connector_status_seen).where(connector_status_seen.c.url == url))
    conn.execute(insert(connector_status_seen), {"url": url, "jwt": jwt, "fetched_at": at})


def find_peer_membership(conn: Connection, did: str) -> str | None:
    """Return the membership credential that a peer last presented."""
    table = connector_peer_membership.c
    return conn.execute(select(table.jwt).where(table.did == did)).scalar()


def list_peer_memberships(conn: Connection) -> tuple[str, ...]:
    """Return the membership credential that each peer last presented."""
    table = connector_peer_membership.c
    return tuple(row.jwt for row in conn.execute(select(table.jwt).order_by(table.did)))


def keep_peer_membership(conn: Connection, did: str, jwt: str, at: str) -> None:
    """Keep a peer's membership credential in the place of an older one."""
    table = connector_peer_membership
    conn.execute(delete(table).where(table.c.did == did))
    conn.execute(insert(table), {"did": did, "jwt": jwt, "seen_at": at})
