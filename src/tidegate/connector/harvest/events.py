"""What harvesting leaves as evidence."""

from collections.abc import Mapping

EVENTS: Mapping[str, str | None] = {"harvest.completed": None, "harvest.failed": None}
