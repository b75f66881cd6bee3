"""The tables of the catalogue for peers: derived from the catalogue room, written to be sent.

Nothing stands here that could not be made again: `connector_shelf` says up to which revision of the
catalogue, and in which form, the rest was written.
"""

from sqlalchemy import Index, Table

from tidegate.db.metadata import METADATA, UPKEEP, body, key, number, text

connector_shelf = Table(
    "connector_shelf", METADATA, key(), number("revision"), text("form"), info=UPKEEP
)

connector_shelf_dataset = Table(
    "connector_shelf_dataset", METADATA, key(), body("words"), body("head"), info=UPKEEP
)

connector_shelf_offer = Table(
    "connector_shelf_offer",
    METADATA,
    key(),
    text("dataset_id"),
    number("place"),
    body("formats"),
    text("audience"),
    body("about"),
    body("terms"),
    info=UPKEEP,
)
Index(
    "ix_connector_shelf_offer_dataset",
    connector_shelf_offer.c.dataset_id,
    connector_shelf_offer.c.audience,
)

connector_shelf_audience = Table(
    "connector_shelf_audience", METADATA, key(), body("policy"), info=UPKEEP
)
