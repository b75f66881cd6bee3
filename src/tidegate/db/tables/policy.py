"""The tables of the policy room: agreements, their usage ledger, and decisions."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, String, Table

from tidegate.db.metadata import METADATA, body, key, number, stamp, text

policy_agreement = Table(
    "policy_agreement",
    METADATA,
    key(),
    text("role"),
    text("dataset_id"),
    text("version_id"),
    text("assigner"),
    text("assignee"),
    text("offer_id"),
    stamp("signed_at"),
    text("state"),
    Column("digest", String(64), nullable=False),
    body("policy"),
    body("purposes"),
    body("suspended_by"),
    stamp("ends_at", nullable=True),
    text("ended_by", nullable=True),
    stamp("ended_at", nullable=True),
    body("ended_reason"),
    CheckConstraint("role IN ('provider', 'consumer')", name="role_known"),
    CheckConstraint("(ended_by IS NULL) = (ended_at IS NULL)", name="ended_by_and_at_together"),
    CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_state_has_a_moment"),
)
Index("ix_policy_agreement_ends_at", policy_agreement.c.state, policy_agreement.c.ends_at)
Index("ix_policy_agreement_dataset", policy_agreement.c.dataset_id)

policy_usage = Table(
    "policy_usage",
    METADATA,
    Column("agreement_id", String(200), ForeignKey("policy_agreement.id"), primary_key=True),
    number("used"),
    number("allowed", nullable=True),
    CheckConstraint("used >= 0 AND (allowed IS NULL OR used <= allowed)", name="within_limit"),
)

policy_decision = Table(
    "policy_decision",
    METADATA,
    key(),
    text("subject"),
    text("decided_by"),
    stamp("decided_at"),
    text("outcome"),
    Column("pack_hash", String(64), nullable=False),
    Column("inputs_hash", String(64), nullable=False),
    Column("receipt_sha256", String(64), nullable=False),
)
Index("ix_policy_decision_subject", policy_decision.c.subject, policy_decision.c.decided_at)
