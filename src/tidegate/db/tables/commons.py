"""The tables of the commons: holdings, destructions, derived copies, certificates, uploads.

Keys and objects lie outside the database, in the vault; a row only says where.
"""

from sqlalchemy import CheckConstraint, Table

from tidegate.db.metadata import METADATA, UPKEEP, body, key, number, stamp, text

commons_holding = Table(
    "commons_holding",
    METADATA,
    key("version_id"),
    text("dataset_id"),
    text("stage"),
    number("revision"),
    body("body"),
)

commons_classification = Table(
    "commons_classification",
    METADATA,
    key("version_id"),
    text("proposed_by"),
    stamp("proposed_at"),
    text("approved_by", nullable=True),
    stamp("approved_at", nullable=True),
    body("body"),
    CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved_by_and_at"),
    CheckConstraint("approved_by IS NULL OR approved_by <> proposed_by", name="two_people"),
)

commons_destruction = Table(
    "commons_destruction",
    METADATA,
    key(),
    text("version_id", index=True),
    text("state"),
    text("reason"),
    text("requested_by"),
    stamp("requested_at"),
    text("approved_by", nullable=True),
    stamp("approved_at", nullable=True),
    text("certificate_id"),
    CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved_by_and_at"),
    CheckConstraint("approved_by IS NULL OR approved_by <> requested_by", name="two_people"),
)

commons_derived = Table(
    "commons_derived",
    METADATA,
    key(),
    text("source", index=True),
    text("agreement_id", index=True),
    text("state"),
    body("body"),
)

commons_certificate = Table(
    "commons_certificate",
    METADATA,
    key(),
    text("subject", index=True),
    text("issuer"),
    stamp("issued_at"),
    body("body"),
    body("jws"),
)

commons_parcel = Table(
    "commons_parcel",
    METADATA,
    key(),
    text("agreement_id", index=True),
    text("version_id", index=True),
    text("state"),
    body("body"),
)

commons_run = Table(
    "commons_run",
    METADATA,
    key(),
    text("version_id", index=True),
    text("state"),
    body("body"),
)

commons_run_progress = Table(
    "commons_run_progress",
    METADATA,
    key("run_id"),
    number("done"),
    text("step"),
    number("tries"),
    info=UPKEEP,
)

commons_upload = Table(
    "commons_upload",
    METADATA,
    key(),
    text("person"),
    stamp("received_at"),
    body("body"),
    info=UPKEEP,
)
