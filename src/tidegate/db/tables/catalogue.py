"""The tables of the catalogue room: descriptions of data, offers, tombstones, peers' records.

`revision` numbers every change that a search could see; the search index, which is derived, asks
for what changed since the revision it holds.
"""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, String, Table, UniqueConstraint

from tidegate.db.metadata import METADATA, body, key, number, stamp, text


def _points_to(name: str, target: str) -> Column[str]:
    return Column(name, String(200), ForeignKey(target), nullable=False, index=True)


catalogue_revision = Table("catalogue_revision", METADATA, key(), number("number"))

catalogue_dataset = Table(
    "catalogue_dataset",
    METADATA,
    key(),
    text("publisher_did"),
    stamp("created_at"),
    number("revision"),
    body("body"),
)
Index("ix_catalogue_dataset_revision", catalogue_dataset.c.revision)

catalogue_version = Table(
    "catalogue_version",
    METADATA,
    key(),
    _points_to("dataset_id", "catalogue_dataset.id"),
    number("number"),
    text("stage"),
    stamp("created_at"),
    body("body"),
    UniqueConstraint("dataset_id", "number"),
)

catalogue_offer = Table(
    "catalogue_offer",
    METADATA,
    key(),
    Column(
        "dataset_id", String(200), ForeignKey("catalogue_dataset.id"), nullable=False, index=True
    ),
    Column(
        "version_id", String(200), ForeignKey("catalogue_version.id"), nullable=False, index=True
    ),
    text("state"),
    Column("policy_digest", String(64), nullable=False),
    text("published_by"),
    stamp("published_at"),
    text("withdrawn_by", nullable=True),
    stamp("withdrawn_at", nullable=True),
    body("body"),
    CheckConstraint(
        "(withdrawn_by IS NULL) = (withdrawn_at IS NULL)", name="withdrawn_by_and_at_together"
    ),
    CheckConstraint(
        "(state = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn_state_has_a_moment"
    ),
)

catalogue_tombstone = Table(
    "catalogue_tombstone",
    METADATA,
    key("version_id"),
    Column(
        "dataset_id", String(200), ForeignKey("catalogue_dataset.id"), nullable=False, index=True
    ),
    body("reason"),
    text("certificate_id"),
    stamp("buried_at"),
)

catalogue_harvested = Table(
    "catalogue_harvested",
    METADATA,
    Column("peer_did", String(200), primary_key=True),
    Column("dataset_id", String(200), primary_key=True),
    stamp("harvested_at"),
    stamp("gone_at", nullable=True),
    number("revision"),
    body("peer"),
    body("body"),
)
Index("ix_catalogue_harvested_revision", catalogue_harvested.c.revision)
