"""The engine itself leaves no evidence; the commons, which runs it, does."""

from collections.abc import Mapping

EVENTS: Mapping[str, str | None] = {}
"""Event code -> PREMIS eventType code, or None."""
