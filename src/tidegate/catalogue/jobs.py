"""Background work of the catalogue: keep the search index in step with the facts."""

from collections.abc import Mapping

from tidegate.catalogue.events import FACTS
from tidegate.catalogue.service import CatalogueService

REFRESH_SEARCH = "catalogue.refresh_search"

SUBSCRIPTIONS: Mapping[str, tuple[str, ...]] = dict.fromkeys(FACTS, (REFRESH_SEARCH,))
"""Fact -> handlers that want to know."""


def refresh_search(catalogue: CatalogueService, payload: Mapping[str, str]) -> None:
    """Bring the index up to the database; any number of times, killed at any line."""
    del payload  # the database, not the message, says what changed
    catalogue.refresh_search()
