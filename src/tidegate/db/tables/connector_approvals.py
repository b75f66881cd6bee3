"""The table of approvals of rows."""

from sqlalchemy import Index, Table

from tidegate.db.metadata import METADATA, body, key, number, stamp, text

connector_approval = Table(
    "connector_approval",
    METADATA,
    key("id"),
    text("agreement_id"),
    text("digest", index=True),
    text("state"),
    body("body"),
    stamp("changed_at"),
    number("revision"),
)
Index("ix_connector_approval_agreement", connector_approval.c.agreement_id)
Index("ix_connector_approval_state", connector_approval.c.state)
