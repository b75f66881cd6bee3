"""Keep the catalogue for peers written: what changed is written anew, everything else stays.

The shelf is derived. It follows the catalogue's revision, and is written anew as a whole when this
software writes another form. Every part is held against the protocol's types before it is kept.
"""

import threading
from collections import defaultdict
from collections.abc import Mapping
from typing import Protocol

from tidegate.audit.journal import Journal
from tidegate.catalogue.model import DatasetRecord, Grave, Offer, VersionRecord
from tidegate.connector.catalog import store
from tidegate.connector.catalog.documents import write_buried, write_dataset
from tidegate.connector.catalog.model import Shown, Spot, Written
from tidegate.policy.model import UseFacts
from tidegate.policy.service import check_recipient

FORM = "2"
"""Raise it whenever documents.py writes otherwise."""
_FEW = 20
_MOST_ASKED = 1000  # recipients whose audiences are remembered


class Catalogue(Protocol):
    """Where this node's datasets and offers are."""

    def revision(self) -> int:
        """Return the number of the last change."""
        ...

    def list_datasets(self) -> tuple[DatasetRecord, ...]:
        """Return every dataset of this node."""
        ...

    def list_changed(self, since: int) -> tuple[DatasetRecord, ...]:
        """Return the datasets that changed after a revision."""
        ...

    def list_open_offers(self, *, dataset_id: str = "") -> tuple[Offer, ...]:
        """Return the offers that can be negotiated now, oldest first."""
        ...

    def find_versions(self, version_ids: frozenset[str]) -> Mapping[str, VersionRecord]:
        """Return the versions with these ids, by id."""
        ...

    def list_graves(self) -> tuple[Grave, ...]:
        """Return what was offered once and is gone for good."""
        ...


class WrittenShelf:
    """Reads pages off the shelf, after bringing it up to the catalogue's last change."""

    def __init__(self, journal: Journal, catalogue: Catalogue, service_id: str) -> None:
        self._journal = journal
        self._catalogue = catalogue
        self._service_id = service_id
        self._form = f"{FORM} {service_id}"
        self._guard = threading.Lock()
        self._revision = -1
        self._graves: tuple[int, tuple[Grave, ...], dict[UseFacts, bytes]] = (-1, (), {})
        self._answers: tuple[int, dict[UseFacts, tuple[str, ...]]] = (-1, {})

    def read(self, who: UseFacts, spot: Spot) -> list[Shown]:
        """Return what the peer may see of a stretch, as the catalogue stands now."""
        self.catch_up()
        admitted = self._admitted(who)
        return self._journal.read(store.read_page, admitted, spot) if admitted else []

    def _admitted(self, who: UseFacts) -> tuple[str, ...]:
        """Return the audiences that admit a recipient; asked once while nothing changes."""
        revision, asked = self._answers
        if revision != self._revision:
            revision, asked = self._answers = self._revision, {}
        if who not in asked:
            if len(asked) >= _MOST_ASKED:
                asked.clear()
            asked[who] = tuple(
                name
                for name, terms in self._journal.read(store.list_audiences)
                if check_recipient(terms, who) is None
            )
        return asked[who]

    def buried(self, who: UseFacts) -> bytes:
        """Return the JSON list of what the peer could have had and is gone, or nothing."""
        revision, graves, told = self._graves
        if revision != self._revision:
            revision, graves, told = self._revision, self._catalogue.list_graves(), {}
            self._graves = revision, graves, told
        if who not in told:
            if len(told) >= _MOST_ASKED:
                told.clear()
            told[who] = write_buried(
                [
                    (grave.dataset, grave.stone)
                    for grave in graves
                    if any(check_recipient(terms, who) is None for terms in grave.terms)
                ]
            )
        return told[who]

    def catch_up(self) -> None:
        """Write what changed in the catalogue since the shelf was written."""
        if self._catalogue.revision() == self._revision:
            return
        with self._guard:
            revision = self._catalogue.revision()  # before the rows: what comes later comes again
            kept, form = self._journal.read(store.get_state)
            if form != self._form:
                kept = 0
            if (kept, form) != (revision, self._form):
                self._write(kept, revision)
            self._revision = revision

    def _write(self, kept: int, revision: int) -> None:
        changed = self._catalogue.list_changed(kept) if kept else self._catalogue.list_datasets()
        written = self._written(changed)
        with self._journal.upkeep() as tx:
            if not kept:
                store.clear(tx.connection)
            store.put(tx.connection, (one.id for one in changed), written)
            store.put_state(tx.connection, revision, self._form)

    def _written(self, changed: tuple[DatasetRecord, ...]) -> list[Written]:
        grouped: dict[str, list[Offer]] = defaultdict(list)
        wanted = [one.id for one in changed] if len(changed) <= _FEW else [""]
        for name in wanted:
            for offer in self._catalogue.list_open_offers(dataset_id=name):
                grouped[offer.dataset_id].append(offer)
        ids = {offer.version_id for one in changed for offer in grouped[one.id]}
        versions = self._versions(sorted(ids))
        return [
            write_dataset(one, grouped[one.id], versions, self._service_id)
            for one in changed
            if grouped[one.id]
        ]

    def _versions(self, ids: list[str]) -> dict[str, VersionRecord]:
        found: dict[str, VersionRecord] = {}
        for start in range(0, len(ids), 500):
            found |= self._catalogue.find_versions(frozenset(ids[start : start + 500]))
        return found
