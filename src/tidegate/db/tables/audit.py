"""The tables of the audit room: the log, its documents, and what was signed over it."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from tidegate.db.metadata import METADATA, UPKEEP, body, key, stamp, text

_POSITION = BigInteger().with_variant(Integer, "sqlite")

audit_leaf = Table(
    "audit_leaf",
    METADATA,
    Column("position", _POSITION, primary_key=True, autoincrement=False),
    text("subject"),
    Column("number", Integer, nullable=False),
    stamp("at"),
    text("actor"),
    text("event"),
    body("body"),
    Column("hash", String(64), nullable=False),
    info={"append_only": "journal"},
)
Index("ix_audit_leaf_subject", audit_leaf.c.subject, audit_leaf.c.number, unique=True)

audit_attachment = Table(
    "audit_attachment",
    METADATA,
    key("sha256"),
    text("media_type"),
    stamp("added_at"),
    Column("body", LargeBinary, nullable=False),
    info={"append_only": "any"},
)

# Derived from the log: hashes of complete subtrees (every eighth level) and the heads of subjects.
audit_node = Table(
    "audit_node",
    METADATA,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("position", _POSITION, primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
    info=UPKEEP,
)

audit_head = Table(
    "audit_head",
    METADATA,
    key("subject"),
    Column("number", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
    info=UPKEEP,
)

audit_checkpoint = Table(
    "audit_checkpoint",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("size", _POSITION, nullable=False),
    stamp("at"),
    text("asked_by"),
    Column("sha256", String(64), nullable=False),
    body("body"),
    text("signature"),
    info={**UPKEEP, "append_only": "any"},
)

# Cosignatures of other nodes over our checkpoints, and the newest checkpoint we cosigned of theirs.
audit_witness = Table(
    "audit_witness",
    METADATA,
    key("sha256"),
    text("witness"),
    Column("checkpoint", Integer, nullable=False),
    body("body"),
    text("signature"),
    body("credential"),
    stamp("received_at"),
    info={"append_only": "any"},
)
Index("ix_audit_witness_checkpoint", audit_witness.c.checkpoint)

audit_seen = Table(
    "audit_seen",
    METADATA,
    key("log"),
    Column("size", _POSITION, nullable=False),
    body("body"),
    text("signature"),
    stamp("seen_at"),
)
