"""Which peer messages were received before."""

import hashlib

from sqlalchemy import Connection, delete, insert, select

from tidegate.db.tables.connector_identity import connector_message_seen


def was_received(conn: Connection, sender: str, message_id: str) -> bool:
    """Tell whether a message of this sender was received before."""
    found = conn.execute(
        select(connector_message_seen.c.digest).where(
            connector_message_seen.c.digest == _digest(sender, message_id)
        )
    ).first()
    return found is not None


def remember_received(conn: Connection, sender: str, message_id: str, at: str) -> None:
    """Remember that a message was received; a second time changes nothing."""
    if not was_received(conn, sender, message_id):
        conn.execute(
            insert(connector_message_seen),
            {"digest": _digest(sender, message_id), "received_at": at},
        )


def purge_received(conn: Connection, before: str) -> int:
    """Forget messages received before a moment; return how many."""
    return conn.execute(
        delete(connector_message_seen).where(connector_message_seen.c.received_at < before)
    ).rowcount


def _digest(sender: str, message_id: str) -> str:
    return hashlib.sha256(f"{sender}\n{message_id}".encode()).hexdigest()
