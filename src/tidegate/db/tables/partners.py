"""The tables of the partners room: each row is a document with the columns it is found by."""

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, Table

from tidegate.db.metadata import METADATA, body, key, number, stamp, text

SPACE = Table("partners_space", METADATA, key(), stamp("remembered_at"), body("body"))

INVITATION = Table(
    "partners_invitation",
    METADATA,
    key(),
    text("code_hash", unique=True),
    stamp("expires_at"),
    stamp("used_at", nullable=True),
    text("used_by", nullable=True),
    body("body"),
    CheckConstraint("(used_at IS NULL) = (used_by IS NULL)", name="used"),
)

MEMBER = Table(
    "partners_member",
    METADATA,
    key(),
    text("state"),
    body("body"),
    CheckConstraint("state IN ('active', 'revoked')", name="state"),
)

PARTNERSHIP = Table(
    "partners_partnership",
    METADATA,
    key(),
    text("state"),
    body("body"),
    CheckConstraint("state IN ('proposed', 'active', 'ended')", name="state"),
)

TRAINING = Table(
    "partners_training",
    METADATA,
    key(),
    text("person_ref"),
    text("state"),
    body("body"),
    CheckConstraint("state IN ('issued', 'revoked')", name="state"),
    Index("ix_partners_training_person_ref", "person_ref"),
)

TRAINING_REVOCATION = Table(
    "partners_training_revocation",
    METADATA,
    text("issuer"),
    text("training_id"),
    stamp("received_at"),
    PrimaryKeyConstraint("issuer", "training_id"),
)

PROJECT = Table(
    "partners_project",
    METADATA,
    key(),
    text("state"),
    text("home"),
    number("revision"),
    body("body"),
    CheckConstraint("state IN ('live', 'closed')", name="state"),
)

ETHICS = Table(
    "partners_ethics",
    METADATA,
    key(),
    text("project_id"),
    text("site"),
    body("body"),
    Index("ix_partners_ethics_project_id", "project_id"),
)

LEGAL_BASIS = Table(
    "partners_legal_basis",
    METADATA,
    key(),
    text("project_id"),
    text("dataset_id"),
    body("body"),
    Index("ix_partners_legal_basis_project_id", "project_id"),
)

IMPACT_ASSESSMENT = Table(
    "partners_impact_assessment",
    METADATA,
    key(),
    text("project_id"),
    body("body"),
    Index("ix_partners_impact_assessment_project_id", "project_id"),
)

MECHANISM = Table(
    "partners_mechanism",
    METADATA,
    key(),
    text("counterparty"),
    text("state"),
    body("body"),
    CheckConstraint("state IN ('in_effect', 'ended')", name="state"),
)

EXPORT = Table(
    "partners_export",
    METADATA,
    number("year"),
    text("recipient"),
    text("dataset_id"),
    number("sensitive"),
    number("people"),
    number("population"),
    stamp("first_at"),
    stamp("last_at"),
    PrimaryKeyConstraint("year", "recipient", "dataset_id", "sensitive"),
    CheckConstraint("sensitive IN (0, 1)", name="sensitive"),
    CheckConstraint("people >= 0 AND population >= 0", name="counts"),
)

APPLICATION = Table(
    "partners_application",
    METADATA,
    key(),
    text("state"),
    text("dataset_id"),
    text("grantee"),
    body("body"),
    CheckConstraint("state IN ('submitted', 'approved', 'refused', 'withdrawn')", name="state"),
    Index("ix_partners_application_dataset_id", "dataset_id"),
)

PERMIT = Table(
    "partners_permit",
    METADATA,
    key(),
    text("state"),
    text("application_id"),
    text("dataset_id"),
    text("grantee"),
    body("body"),
    CheckConstraint("state IN ('live', 'ended')", name="state"),
    Index("ix_partners_permit_dataset_id", "dataset_id"),
)
