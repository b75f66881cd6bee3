"""The tables of the lab: queries here, what was released, and queries asked elsewhere.

Results and sets of people stand here sealed; their keys lie in the key vault. What came from
elsewhere is a derived copy in the commons.
"""

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, UniqueConstraint

from tidegate.db.metadata import METADATA, body, key, stamp, text

_STATES = "('submitted', 'awaiting_checker', 'released', 'refused', 'withdrawn', 'stopped')"

RUN = Table(
    "lab_run",
    METADATA,
    key(),
    text("request_id"),
    text("transfer_pid"),
    text("agreement_id", index=True),
    text("peer_did"),
    text("person_ref"),
    text("dataset_id"),
    text("version_id", index=True),
    body("query"),
    text("query_hash"),
    text("state", index=True),
    stamp("submitted_at"),
    stamp("settled_at", nullable=True),
    text("reason_code"),
    body("reason"),
    text("receipt_id"),
    text("result_hash"),
    body("result_sealed"),
    body("pending_sealed"),
    text("checked_by", nullable=True),
    stamp("checked_at", nullable=True),
    UniqueConstraint("peer_did", "request_id"),
    CheckConstraint(f"state IN {_STATES}", name="state"),
    CheckConstraint("(checked_by IS NULL) = (checked_at IS NULL)", name="checked"),
    CheckConstraint("checked_by IS NULL OR checked_by <> person_ref", name="two_people"),
)

FAMILY = Table(
    "lab_family",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    text("run_id"),
    text("dataset_id"),
    text("version_id"),
    body("sealed"),
    Index("ix_lab_family_dataset_id_seq", "dataset_id", "seq"),
)

ROSTER = Table(
    "lab_roster",
    METADATA,
    key("version_id"),
    text("dataset_id", index=True),
    body("sealed"),
)

ASKED = Table(
    "lab_asked",
    METADATA,
    key(),
    text("agreement_id", index=True),
    text("dataset_id"),
    text("provider"),
    text("person_id", index=True),
    body("query"),
    text("query_hash"),
    text("state"),
    stamp("submitted_at"),
    stamp("answered_at", nullable=True),
    text("remote_id"),
    text("reason_code"),
    body("reason"),
    text("result_hash"),
    text("derived_id"),
    stamp("destroyed_at", nullable=True),
    CheckConstraint(f"state IN {_STATES}", name="state"),
    CheckConstraint("destroyed_at IS NULL OR derived_id = ''", name="destroyed"),
)
