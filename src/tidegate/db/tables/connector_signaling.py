"""The tables of signaling: planes that are registered, and the data flows they share."""

from sqlalchemy import CheckConstraint, Index, Table

from tidegate.db.metadata import METADATA, UPKEEP, body, key, number, stamp, text

connector_plane = Table(
    "connector_plane",
    METADATA,
    key("key"),
    text("kind"),
    text("id"),
    body("endpoint"),
    text("auth"),
    body("profiles"),
    body("labels"),
    body("datasets"),
    body("token_endpoint"),
    text("client_id"),
    body("jwks"),
    body("jwks_uri", server_default=""),
    body("sealed"),
    text("digest"),
    text("approved_by", server_default=""),
    stamp("approved_at", server_default=""),
    body("ground", server_default=""),
    text("created_by"),
    stamp("created_at"),
    text("changed_by"),
    stamp("changed_at"),
    CheckConstraint("(created_by = '') = (created_at = '')", name="created"),
    CheckConstraint("(changed_by = '') = (changed_at = '')", name="changed"),
    CheckConstraint("(approved_by = '') = (approved_at = '')", name="approved"),
)

connector_dataflow = Table(
    "connector_dataflow",
    METADATA,
    key("id"),
    text("role"),
    text("plane"),
    text("process_id"),
    text("side"),
    text("format"),
    text("profile"),
    text("agreement_id"),
    text("dataset_id"),
    text("version_id"),
    text("participant"),
    text("counterparty"),
    text("state"),
    text("remote_id"),
    body("sealed"),
    text("access_digest"),
    text("refresh_digest", index=True),
    body("error"),
    text("created_by"),
    stamp("created_at"),
    text("changed_by"),
    stamp("changed_at"),
    number("revision"),
    CheckConstraint("(created_by = '') = (created_at = '')", name="created"),
    CheckConstraint("(changed_by = '') = (changed_at = '')", name="changed"),
)
connector_renewal = Table(
    "connector_renewal",
    METADATA,
    key("refresh_digest"),
    text("flow", index=True),
    text("access_digest"),
    stamp("void_at"),
    info=UPKEEP,
)
Index(
    "ix_connector_dataflow_process",
    connector_dataflow.c.plane,
    connector_dataflow.c.process_id,
)
