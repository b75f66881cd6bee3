"""Show a steward what a recipe would do to a version, before anything is written."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tidegate.access.model import Actor
from tidegate.audit.journal import Journal
from tidegate.catalogue.model import Codebook
from tidegate.catalogue.service import CatalogueService
from tidegate.commons import rules, store
from tidegate.commons.errors import PreviewBusyError
from tidegate.commons.lifecycle import LIFECYCLE
from tidegate.commons.model import TableObject
from tidegate.commons.parquet import read_batches
from tidegate.commons.vault.service import Vault
from tidegate.deid.model import Batches
from tidegate.deid.previews.model import Preview, ProposedRecipe
from tidegate.deid.service import DeidService

AT_ONCE = 2
"""Previews at a time: they take memory and a processor, which the node's other work needs."""


class PreviewService:
    """Reads the intake as de-identification would, under its rules, and keeps nothing."""

    def __init__(
        self, journal: Journal, *, vault: Vault, deid: DeidService, catalogue: CatalogueService
    ) -> None:
        self._journal = journal
        self._vault = vault
        self._deid = deid
        self._catalogue = catalogue
        self._free = threading.BoundedSemaphore(AT_ONCE)

    def propose(self, version_id: str, *, by: Actor) -> ProposedRecipe:
        """Return the usual recipe of a version, and for each column why it has its role.

        Raises as `preview`.
        """
        with self._opened(version_id, by, "propose a recipe") as (codebook, sources):
            return self._deid.propose(codebook, sources)

    def preview(
        self,
        version_id: str,
        document: Mapping[str, Any],
        *,
        by: Actor,
        against: Mapping[str, Any] | None = None,
    ) -> Preview:
        """Say what a written recipe would publish and lose, beside another or the usual one.

        Raises RoleMissingError for anybody but a steward, an error of the version's life once it
        is stored, RecipeInvalidError, NotAnonymousError, PreviewBusyError.
        """
        with self._opened(version_id, by, "preview a recipe") as (codebook, sources):
            recipe = self._deid.read_recipe(document, codebook)
            base = self._deid.read_recipe(against, codebook) if against else None
            return self._deid.preview(recipe, codebook, sources, base)

    @contextmanager
    def _opened(
        self, version_id: str, by: Actor, act: str
    ) -> Iterator[tuple[Codebook, Mapping[str, Batches]]]:
        """Open the intake for somebody who may de-identify it, while it may be."""
        rules.check_role(by, rules.STEWARDS, act)
        holding = self._journal.read(store.get_holding, version_id)
        LIFECYCLE.step(holding.stage, "deidentify", by="steward")
        codebook = self._catalogue.get_version(version_id).codebook
        if not self._free.acquire(blocking=False):
            raise PreviewBusyError(
                "Other recipes are being looked at; try again in a moment.", code="preview_busy"
            )
        try:
            yield codebook, {table.table: self._batches(table) for table in holding.intake}
        finally:
            self._free.release()

    def _batches(self, table: TableObject) -> Batches:
        return lambda: read_batches(self._vault, table.stored)
