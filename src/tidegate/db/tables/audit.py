"""The tables of the audit room: the leaves of the log and the documents they refer to."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from tidegate.db.metadata import METADATA, body, key, stamp, text

audit_leaf = Table(
    "audit_leaf",
    METADATA,
    Column(
        "position",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    text("subject"),
    Column("number", Integer, nullable=False),
    stamp("at"),
    text("actor"),
    text("event"),
    body("body"),
    Column("hash", String(64), nullable=False),
)
Index("ix_audit_leaf_subject", audit_leaf.c.subject, audit_leaf.c.number, unique=True)

audit_attachment = Table(
    "audit_attachment",
    METADATA,
    key("sha256"),
    text("media_type"),
    stamp("added_at"),
    Column("body", LargeBinary, nullable=False),
)
