"""Decisions in SQL; a receipt itself is a document of the evidence, kept once, by its hash."""

from sqlalchemy import Connection, Row, insert, select

from tidegate.db.tables.audit import audit_attachment
from tidegate.db.tables.policy import policy_decision
from tidegate.policy.errors import DecisionNotFoundError

_D = policy_decision.c


def add_decision(conn: Connection, **columns: str) -> None:
    """Insert one decision."""
    conn.execute(insert(policy_decision), columns)


def get_decision(conn: Connection, receipt_id: str) -> tuple[Row[tuple[object, ...]], bytes]:
    """Return a decision's row and its receipt; raise DecisionNotFoundError if there is none."""
    query = (
        select(policy_decision, audit_attachment.c.body)
        .join(audit_attachment, audit_attachment.c.sha256 == _D.receipt_sha256)
        .where(_D.id == receipt_id)
    )
    row = conn.execute(query).first()
    if row is None:
        raise DecisionNotFoundError(
            "There is no decision of that id at this node.", receipt=receipt_id
        )
    return row, bytes(row.body)


def list_decisions(conn: Connection, *, subject: str, limit: int) -> tuple[str, ...]:
    """Return the ids of the latest decisions, all or those about one subject, newest first."""
    query = select(_D.id).order_by(_D.decided_at.desc(), _D.id.desc()).limit(limit)
    if subject:
        query = query.where(_D.subject == subject)
    return tuple(conn.execute(query).scalars())
