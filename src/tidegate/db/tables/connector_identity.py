"""The tables of the connector room's identity side: credentials, requests, things seen."""

from sqlalchemy import CheckConstraint, Index, Table

from tidegate.db.metadata import METADATA, UPKEEP, body, key, number, stamp, text

connector_credential = Table(
    "connector_credential",
    METADATA,
    key(),
    text("type"),
    text("issuer"),
    text("subject"),
    stamp("valid_from"),
    stamp("valid_until"),
    stamp("stored_at"),
    body("jwt"),
)
Index("ix_connector_credential_type", connector_credential.c.type)

connector_ask = Table(
    "connector_ask",
    METADATA,
    key("holder_pid"),
    text("issuer"),
    text("status"),
    body("reason"),
    stamp("asked_at"),
)

connector_request = Table(
    "connector_request",
    METADATA,
    key(),
    text("holder"),
    text("holder_pid"),
    body("types"),
    text("status"),
    body("reason"),
    stamp("created_at"),
)

connector_issued = Table(
    "connector_issued",
    METADATA,
    key(),
    text("request_id"),
    text("holder"),
    text("type"),
    text("format", server_default="vc20-bssl/jwt"),
    number("list_number"),
    number("list_index"),
    stamp("issued_at"),
    stamp("expires_at"),
    stamp("revoked_at", nullable=True),
    text("revoked_reason", nullable=True),
    CheckConstraint("(revoked_at IS NULL) = (revoked_reason IS NULL)", name="revoked_pair"),
)
Index(
    "ix_connector_issued_place",
    connector_issued.c.list_number,
    connector_issued.c.list_index,
    unique=True,
)
Index("ix_connector_issued_holder", connector_issued.c.holder)

connector_certification = Table(
    "connector_certification",
    METADATA,
    key(),
    text("holder"),
    text("scheme"),
    stamp("granted_at"),
    text("granted_by"),
    stamp("ends_at"),
    stamp("withdrawn_at", nullable=True),
    text("withdrawn_reason", nullable=True),
    CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_reason IS NULL)", name="withdrawn_pair"),
)
Index("ix_connector_certification_holder", connector_certification.c.holder)

connector_sts_client = Table(
    "connector_sts_client",
    METADATA,
    key(),
    text("name"),
    text("secret_hash"),
    body("scopes"),
    stamp("created_at"),
    text("created_by"),
    stamp("removed_at", nullable=True),
)

connector_token_seen = Table(
    "connector_token_seen", METADATA, key("digest"), stamp("expires_at"), info=UPKEEP
)
Index("ix_connector_token_seen_expires", connector_token_seen.c.expires_at)

connector_message_seen = Table(
    "connector_message_seen", METADATA, key("digest"), stamp("received_at"), info=UPKEEP
)

connector_status_seen = Table(
    "connector_status_seen", METADATA, key("url"), stamp("fetched_at"), body("jwt"), info=UPKEEP
)

connector_peer_membership = Table(
    "connector_peer_membership",
    METADATA,
    key("did"),
    stamp("seen_at"),
    body("jwt"),
    info=UPKEEP,
)

connector_peer_standing = Table(
    "connector_peer_standing",
    METADATA,
    key("did"),
    text("name"),
    text("seat"),
    text("role"),
    body("certifications"),
    stamp("valid_until"),
    stamp("seen_at"),
    body("certified_by"),
    info=UPKEEP,
)

connector_peer_refusal = Table(
    "connector_peer_refusal",
    METADATA,
    key("did"),
    key("code"),
    stamp("refused_at"),
    body("words"),
    info=UPKEEP,
)
