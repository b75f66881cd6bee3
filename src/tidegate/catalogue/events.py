"""What the catalogue puts into evidence, with PREMIS 3 event types where one exists."""

from collections.abc import Mapping

EVENTS: Mapping[str, str | None] = {
    "dataset.described": "mem",  # metadata modification
    "dataset.published": None,
    "dataset.withdrawn": None,
    "dataset.offer_refused": None,
    "catalogue.harvested": None,
}
"""Event code -> PREMIS eventType code (id.loc.gov/vocabulary/preservation/eventType), or None."""

PUBLISHED = "dataset.published"
WITHDRAWN = "dataset.withdrawn"
HARVESTED = "dataset.harvested"
TOMBSTONED = "dataset.tombstoned"
"""Facts the catalogue announces; the search index is brought up to date on each."""
