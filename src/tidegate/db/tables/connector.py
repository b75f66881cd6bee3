"""The tables of the connector room: negotiations, transfers, their messages, harvests."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table

from tidegate.db.metadata import METADATA, UPKEEP, body, key, number, stamp, text

connector_negotiation = Table(
    "connector_negotiation",
    METADATA,
    key("pid"),
    text("side"),
    text("peer_did"),
    text("peer_name"),
    text("peer_pid"),
    text("peer_address"),
    text("dataset_id"),
    text("version_id"),
    text("offer_id"),
    body("offer"),
    text("offered_by"),
    text("state"),
    text("pending"),
    text("waiting"),
    number("rounds"),
    body("agreement"),
    text("reason_code"),
    body("reason"),
    body("assessment"),
    text("created_by"),
    stamp("created_at"),
    text("changed_by"),
    stamp("changed_at"),
    number("revision"),
    CheckConstraint("(created_by = '') = (created_at = '')", name="created"),
    CheckConstraint("(changed_by = '') = (changed_at = '')", name="changed"),
)
Index(
    "ix_connector_negotiation_peer",
    connector_negotiation.c.peer_did,
    connector_negotiation.c.peer_pid,
)
Index(
    "ix_connector_negotiation_open",
    connector_negotiation.c.peer_did,
    connector_negotiation.c.state,
)
Index("ix_connector_negotiation_created", connector_negotiation.c.created_at)

connector_strategy = Table(
    "connector_strategy",
    METADATA,
    key("subject"),
    body("body"),
    text("set_by"),
    stamp("set_at"),
    CheckConstraint("(set_by = '') = (set_at = '')", name="set"),
)

connector_message = Table(
    "connector_message",
    METADATA,
    key("id"),
    text("process"),
    number("position"),
    text("direction"),
    text("type"),
    text("action"),
    text("message_id"),
    body("body"),
    text("state"),
    number("attempts"),
    stamp("created_at"),
    stamp("changed_at"),
    text("code"),
    body("outcome"),
    info=UPKEEP,
)
Index("ix_connector_message_process", connector_message.c.process, connector_message.c.position)
Index(
    "ix_connector_message_heard",
    connector_message.c.process,
    connector_message.c.direction,
    connector_message.c.message_id,
)

connector_attempt = Table(
    "connector_attempt",
    METADATA,
    key("message"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    stamp("at"),
    text("code"),
    body("outcome"),
    info=UPKEEP,
)

connector_transfer = Table(
    "connector_transfer",
    METADATA,
    key("pid"),
    text("side"),
    text("peer_did"),
    text("peer_name"),
    text("peer_pid"),
    text("peer_address"),
    text("agreement_id"),
    text("dataset_id"),
    text("version_id"),
    text("format"),
    text("person_ref"),
    text("project_id"),
    text("endpoint"),
    text("state"),
    text("pending"),
    text("held"),
    text("held_by", server_default=""),
    text("reason_code"),
    body("reason"),
    body("gate"),
    number("scripted", default=0),
    text("created_by"),
    stamp("created_at"),
    text("changed_by"),
    stamp("changed_at"),
    number("revision"),
    CheckConstraint("(created_by = '') = (created_at = '')", name="created"),
    CheckConstraint("(changed_by = '') = (changed_at = '')", name="changed"),
)
Index(
    "ix_connector_transfer_peer",
    connector_transfer.c.peer_did,
    connector_transfer.c.peer_pid,
)
Index(
    "ix_connector_transfer_agreement",
    connector_transfer.c.agreement_id,
    connector_transfer.c.person_ref,
)

connector_token = Table(
    "connector_token",
    METADATA,
    key("id"),
    text("transfer"),
    text("digest"),
    body("sealed"),
    stamp("issued_at"),
    stamp("expires_at"),
    info=UPKEEP,
)
Index("ix_connector_token_digest", connector_token.c.digest)
Index("ix_connector_token_transfer", connector_token.c.transfer)

connector_script = Table(
    "connector_script",
    METADATA,
    key("subject"),
    body("body"),
    text("set_by"),
    stamp("set_at"),
    CheckConstraint("(set_by = '') = (set_at = '')", name="set"),
)

connector_address = Table(
    "connector_address",
    METADATA,
    key("id"),
    text("transfer", index=True),
    body("sealed"),
    stamp("kept_at"),
    info=UPKEEP,
)

connector_flow = Table(
    "connector_flow",
    METADATA,
    key("pid"),
    text("state", index=True),
    body("body"),
    stamp("changed_at"),
    number("revision"),
    info=UPKEEP,
)

connector_harvest = Table(
    "connector_harvest",
    METADATA,
    key("did"),
    text("name"),
    text("state"),
    number("datasets"),
    number("unreadable"),
    text("code"),
    body("reason"),
    stamp("started_at"),
    stamp("finished_at"),
    stamp("good_at"),
    info=UPKEEP,
)
