"""What identity keeps: tokens seen, and the last status lists."""

import hashlib

from sqlalchemy import Connection, delete, insert, select

from tidegate.access.model import Seat
from tidegate.connector.identity.model import PeerRefusal
from tidegate.connector.model import Peer
from tidegate.db.tables.connector_identity import (
    connector_peer_membership,
    connector_peer_refusal,
    connector_peer_standing,
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


def find_standing(conn: Connection, did: str, now: str) -> tuple[Peer, str] | None:
    """Return what a peer last proved of itself, and the JWT of its certification, while in time."""
    table = connector_peer_standing.c
    row = conn.execute(
        select(
            table.name,
            table.seat,
            table.role,
            table.certifications,
            table.valid_until,
            table.certified_by,
        ).where(table.did == did, table.valid_until > now)
    ).first()
    if row is None:
        return None
    schemes = tuple(row.certifications.split())
    peer = Peer(did, row.name, Seat(row.seat), row.role, (), row.valid_until, schemes)
    return peer, row.certified_by


def keep_standing(conn: Connection, peer: Peer, certified_by: str, at: str) -> None:
    """Keep what a peer has proven of itself, in the place of what it proved before."""
    table = connector_peer_standing
    conn.execute(delete(table).where(table.c.did == peer.did))
    conn.execute(
        insert(table),
        {
            "did": peer.did,
            "name": peer.name[:400],
            "seat": peer.seat.value,
            "role": peer.role[:400],
            "certifications": " ".join(peer.certifications),
            "valid_until": peer.valid_until,
            "seen_at": at,
            "certified_by": certified_by,
        },
    )


def keep_refusal(conn: Connection, refusal: PeerRefusal) -> None:
    """Keep why a peer was refused, in the place of the same reason before."""
    table = connector_peer_refusal
    conn.execute(delete(table).where(table.c.did == refusal.did, table.c.code == refusal.code))
    conn.execute(
        insert(table),
        {
            "did": refusal.did,
            "code": refusal.code,
            "words": refusal.words[:1000],
            "refused_at": refusal.at,
        },
    )


def list_refusals(conn: Connection, did: str = "") -> tuple[PeerRefusal, ...]:
    """Return the newest refusals, of one peer or of all."""
    table = connector_peer_refusal.c
    wanted = select(table.did, table.code, table.words, table.refused_at)
    if did:
        wanted = wanted.where(table.did == did)
    rows = conn.execute(wanted.order_by(table.refused_at.desc(), table.did, table.code).limit(200))
    return tuple(PeerRefusal(row.did, row.code, row.words, row.refused_at) for row in rows)


def purge_refusals(conn: Connection, before: str) -> None:
    """Forget the refusals of before a moment."""
    conn.execute(delete(connector_peer_refusal).where(connector_peer_refusal.c.refused_at < before))
