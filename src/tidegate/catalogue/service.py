"""The catalogue's desk: describe, offer, withdraw, bury, harvest, search."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tidegate.access.model import Actor, Participant, Role
from tidegate.access.rules import check_has_role
from tidegate.audit.journal import Journal, Tx
from tidegate.catalogue import dcat, events, rules, store
from tidegate.catalogue.errors import DatasetUnknownError, VersionUnknownError
from tidegate.catalogue.model import (
    DatasetRecord,
    Grave,
    HarvestedDataset,
    HarvestedRecord,
    Listing,
    Offer,
    OfferState,
    SearchQuery,
    SearchResult,
    Tombstone,
    VersionRecord,
)
from tidegate.catalogue.search import SpaceSearch, load_own
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.ids import Ids
from tidegate.kernel.text import Language, Multilingual
from tidegate.policy.model import Policy


class CatalogueService:
    """Keeps what is known about the datasets of this node and of the space.

    `check_offerable` raises when a policy holds a term nothing stands behind.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        *,
        check_offerable: Callable[[Policy], object],
        search_folder: Path,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._check_offerable = check_offerable
        self._search = SpaceSearch(journal, search_folder)

    # for the commons, inside its own write

    def register_dataset(self, tx: Tx, record: DatasetRecord) -> None:
        """Enter a new dataset in the caller's write."""
        store.add_dataset(tx.connection, record)

    def register_version(self, tx: Tx, record: VersionRecord) -> None:
        """Enter a new version in the caller's write."""
        store.add_version(tx.connection, record)

    def update_version(self, tx: Tx, record: VersionRecord, *, expect_stage: str) -> None:
        """Replace a version in the caller's write; raise StageChangedError if it moved on."""
        store.save_version(tx.connection, record, expect_stage=expect_stage)

    def get_version_within(self, tx: Tx, version_id: str) -> VersionRecord:
        """Return a version as it stands inside the caller's write; raise VersionUnknownError."""
        return store.get_version(tx.connection, version_id)

    def next_number(self, tx: Tx, dataset_id: str) -> int:
        """Return the number the next version of a dataset gets, inside the caller's write."""
        return store.next_number(tx.connection, dataset_id)

    def tombstone(self, tx: Tx, version_id: str, reason: str, certificate_id: str = "") -> None:
        """Bury a version in the caller's write: its offers close, its record stays for ever."""
        version = store.get_version(tx.connection, version_id)
        stone = Tombstone(version.id, version.dataset_id, reason, tx.at, certificate_id)
        store.add_tombstone(tx.connection, stone)
        for offer in store.list_offers(
            tx.connection, version_id=version_id, state=OfferState.PUBLISHED
        ):
            self._close(tx, offer, by="system:tombstone")
            tx.note(
                did=events.WITHDRAWN,
                to=f"dataset:{offer.dataset_id}",
                why={"offer": offer.id, "version": version_id, "reason": "destroyed"},
            )
        tx.announce(events.TOMBSTONED, dataset=version.dataset_id, version=version_id)

    def put_harvested(
        self, tx: Tx, peer: Participant, datasets: tuple[HarvestedDataset, ...]
    ) -> int:
        """Take over a peer's catalogue in the caller's write; return how many records changed."""
        changed = store.put_harvested(tx.connection, peer, datasets, at=tx.at)
        if changed:
            tx.announce(events.HARVESTED, peer=peer.did)
        return changed

    # reading

    def get_dataset(self, dataset_id: str) -> DatasetRecord:
        """Return a dataset of this node; raise DatasetUnknownError."""
        return self._journal.read(store.get_dataset, dataset_id)

    def get_version(self, version_id: str) -> VersionRecord:
        """Return a version of this node; raise VersionUnknownError."""
        return self._journal.read(store.get_version, version_id)

    def get_offer(self, offer_id: str) -> Offer:
        """Return an offer of this node, published or withdrawn; raise OfferUnknownError."""
        return self._journal.read(store.get_offer, offer_id)

    def find_offer(self, offer_id: str) -> Offer | None:
        """Return an offer of this node, published or withdrawn, or None."""
        return self._journal.read(store.find_offer, offer_id)

    def list_datasets(self) -> tuple[DatasetRecord, ...]:
        """Return every dataset of this node, oldest first."""
        return self._journal.read(store.list_datasets)

    def revision(self) -> int:
        """Return the number of the last change of what is described or offered here."""
        return self._journal.read(store.get_revision)

    def list_changed(self, since: int) -> tuple[DatasetRecord, ...]:
        """Return the datasets of this node that changed after a revision, in any part."""
        return self._journal.read(store.list_datasets_since, since)

    def list_versions(self, dataset_id: str) -> tuple[VersionRecord, ...]:
        """Return the versions of a dataset, first to last."""
        return self._journal.read(store.list_versions, dataset_id)

    def list_datasets_for(self, by: Actor) -> tuple[DatasetRecord, ...]:
        """Return the datasets of this node that a person may see."""
        return tuple(one for one in self.list_datasets() if self._sees(one.id, by))

    def list_versions_for(self, dataset_id: str, *, by: Actor) -> tuple[VersionRecord, ...]:
        """Return the versions a person may see; raise DatasetUnknownError where none is theirs."""
        self.get_listing(dataset_id, by=by)
        with self._journal.reading() as conn:
            versions = store.list_versions(conn, dataset_id)
            offers = store.list_offers(conn, dataset_id=dataset_id)
            stones = store.list_tombstones(conn, dataset_id)
        return rules.versions_for(by, versions, offers, stones)

    def get_version_for(self, version_id: str, *, by: Actor) -> VersionRecord:
        """Return a version a person may see; raise VersionUnknownError for any other."""
        version = self.get_version(version_id)
        if self._sees(version.dataset_id, by):
            seen = self.list_versions_for(version.dataset_id, by=by)
            if version_id in {one.id for one in seen}:
                return version
        raise VersionUnknownError(
            f"This node's catalogue has no version {version_id}; check the id.", version=version_id
        )

    def _sees(self, dataset_id: str, by: Actor) -> bool:
        listing = self._journal.read(self._find_listing, dataset_id)
        return listing is not None and listing.visibility in rules.visibilities_for(by)

    def list_offers(
        self, *, dataset_id: str = "", version_id: str = "", published_only: bool = True
    ) -> tuple[Offer, ...]:
        """Return offers of this node, oldest first, the published ones unless asked for all."""
        state = OfferState.PUBLISHED if published_only else None
        return self._journal.read(
            store.list_offers, dataset_id=dataset_id, version_id=version_id, state=state
        )

    def list_offers_for(
        self, dataset_id: str = "", *, with_withdrawn: bool = False, by: Actor
    ) -> tuple[Offer, ...]:
        """Return the published offers, and to keepers the withdrawn ones where they are asked for.

        Raises RoleMissingError for others who ask: what was taken back is offered to nobody.
        """
        if with_withdrawn:
            check_has_role(by, *rules.KEEPERS)
        return self.list_offers(dataset_id=dataset_id, published_only=not with_withdrawn)

    def find_versions(self, version_ids: frozenset[str]) -> Mapping[str, VersionRecord]:
        """Return the versions with these ids, by id; one this node does not have is left out."""
        with self._journal.reading() as conn:
            return {one.id: one for one in store.list_versions(conn, ids=version_ids)}

    def list_open_offers(self, *, dataset_id: str = "") -> tuple[Offer, ...]:
        """Return what can be negotiated now: published, and the version neither kept away nor gone.

        An offer of a suspended, restricted, quarantined or archived version opens again when its
        version does.
        """
        with self._journal.reading() as conn:
            return store.list_open_offers(conn, rules.OFFERABLE_STAGES, dataset_id=dataset_id)

    def find_open_offer(self, offer_id: str) -> Offer | None:
        """Return an offer that can be negotiated now, or None."""
        with self._journal.reading() as conn:
            found = store.list_open_offers(conn, rules.OFFERABLE_STAGES, offer_id=offer_id)
        return next(iter(found), None)

    def is_open_within(self, tx: Tx, offer_id: str) -> bool:
        """Tell, inside the caller's write, whether an offer can be negotiated."""
        stages = rules.OFFERABLE_STAGES
        return bool(store.list_open_offers(tx.connection, stages, offer_id=offer_id))

    def list_tombstones(self, dataset_id: str = "") -> tuple[Tombstone, ...]:
        """Return the tombstones of one dataset, or of all."""
        return self._journal.read(store.list_tombstones, dataset_id)

    def list_tombstones_for(self, dataset_id: str = "", *, by: Actor) -> tuple[Tombstone, ...]:
        """Return the tombstones a person may see: keepers all, others of what was once offered."""
        with self._journal.reading() as conn:
            stones = store.list_tombstones(conn, dataset_id)
            if by.roles & rules.KEEPERS:
                return stones
            return rules.public_stones(stones, store.list_offers(conn, dataset_id=dataset_id))

    def list_graves(self) -> tuple[Grave, ...]:
        """Return what was offered once and is gone for good, oldest first."""
        with self._journal.reading() as conn:
            stones, records = store.list_tombstones(conn), store.list_datasets(conn)
            offers = store.list_offers(conn) if stones else ()
        known = {one.id: one for one in records}
        terms: dict[str, list[Policy]] = defaultdict(list)
        for offer in offers:
            terms[offer.version_id].append(offer.policy)
        return tuple(
            Grave(known[stone.dataset_id], stone, tuple(terms[stone.version_id]))
            for stone in rules.public_stones(stones, offers)
        )

    def list_harvested(self) -> tuple[HarvestedRecord, ...]:
        """Return the records of the peers that are in their catalogues now."""
        return tuple(record for record, _ in self._journal.read(store.list_harvested))

    def find_harvested(self, dataset_id: str, publisher: str = "") -> HarvestedRecord | None:
        """Return a peer's record of a dataset, or None.

        An id is its publisher's own: raises DatasetAmbiguousError where several peers use it and
        `publisher` does not say whose is meant.
        """
        found = self._journal.read(store.list_harvested, dataset_id=dataset_id)
        return rules.the_one([record for record, _ in found], dataset_id, publisher)

    def get_listing(self, dataset_id: str, publisher: str = "", *, by: Actor) -> Listing:
        """Return how a dataset of the space is shown; unknown to those who may not see it.

        Without a `publisher` an id is our own, where we have it, or else the one peer's that has
        it; raises DatasetAmbiguousError where several have.
        """
        listing = self._journal.read(self._find_listing, dataset_id, publisher)
        if listing is None or listing.visibility not in rules.visibilities_for(by):
            raise DatasetUnknownError(
                f"No dataset {dataset_id} is offered in the space; search the catalogue again.",
                dataset=dataset_id,
            )
        return listing

    def _find_listing(self, conn: Any, dataset_id: str, publisher: str = "") -> Listing | None:
        own = store.find_dataset(conn, dataset_id)
        if own is not None and publisher in {"", own.publisher.did}:
            return load_own(conn, dataset_id)
        found = [record for record, _ in store.list_harvested(conn, dataset_id=dataset_id)]
        record = rules.the_one(found, dataset_id, publisher)
        return rules.list_harvested(record) if record is not None else None

    def dcat(self, dataset_id: str, *, by: Actor | None = None) -> dict[str, Any]:
        """Return a dataset, its published offers and the versions one may see, as DCAT JSON-LD."""
        with self._journal.reading() as conn:
            record = store.get_dataset(conn, dataset_id)
            versions = store.list_versions(conn, dataset_id)
            offers = store.list_offers(conn, dataset_id=dataset_id)
            stones = store.list_tombstones(conn, dataset_id)
        published = tuple(one for one in offers if one.state is OfferState.PUBLISHED)
        seen = rules.versions_for(by, versions, offers, stones)
        return dcat.describe(record, seen, published, stones)

    # acts of a steward

    def describe_dataset(
        self,
        dataset_id: str,
        *,
        title: Multilingual,
        description: Multilingual,
        keywords: tuple[Multilingual, ...],
        theme: str,
        by: Actor,
    ) -> DatasetRecord:
        """Give a dataset better words; its data and versions stay as they are."""
        check_has_role(by, Role.STEWARD)
        described = replace(
            self.get_dataset(dataset_id),
            title=title,
            description=description,
            keywords=keywords,
            theme=theme,
        )
        with self._journal.write(
            by=by.id, did="dataset.described", to=f"dataset:{dataset_id}"
        ) as tx:
            store.save_dataset(tx.connection, described)
            tx.announce(events.PUBLISHED, dataset=dataset_id)
        return described

    def publish_offer(
        self, version_id: str, policy: Policy, formats: tuple[str, ...], *, by: Actor
    ) -> Offer:
        """Offer a de-identified or stored version to the space under a policy.

        Raises unless every term of the policy has something that stands behind it, and where
        the version is offered just so already.
        """
        check_has_role(by, Role.STEWARD)
        version = self.get_version(version_id)
        try:
            rules.check_may_offer(version, self.list_tombstones(version.dataset_id), formats)
            self._check_offerable(policy)
            rules.check_formats(policy, formats)
            rules.check_is_new(self.list_offers(version_id=version_id), policy, formats)
        except TidegateError as refusal:
            self._journal.note(
                by=by.id,
                did="dataset.offer_refused",
                to=f"dataset:{version.dataset_id}",
                why={"version": version_id, "reason": refusal.code, "policy": policy.digest},
            )
            raise
        offer = Offer(
            id=self._ids.new("offer"),
            dataset_id=version.dataset_id,
            version_id=version_id,
            policy=policy,
            state=OfferState.PUBLISHED,
            formats=formats,
            published_by=by.id,
            published_at=iso(self._clock.now()),
        )
        why = {"offer": offer.id, "version": version_id, "policy": policy.digest}
        with self._journal.write(
            by=by.id, did=events.PUBLISHED, to=f"dataset:{offer.dataset_id}", why=why
        ) as tx:
            current = store.get_version(tx.connection, version_id)
            stones = store.list_tombstones(tx.connection, current.dataset_id)
            rules.check_may_offer(current, stones, formats)
            published = store.list_offers(
                tx.connection, version_id=version_id, state=OfferState.PUBLISHED
            )
            rules.check_is_new(published, policy, formats)  # all again: others act at once
            tx.note(did=events.PUBLISHED, to=f"version:{version_id}", why=why)
            store.add_offer(tx.connection, offer)
            tx.announce(events.PUBLISHED, dataset=offer.dataset_id, offer=offer.id)
        return offer

    def withdraw_offer(self, offer_id: str, *, by: Actor) -> Offer:
        """Take an offer back; agreements signed under it stay what they are."""
        check_has_role(by, Role.STEWARD)
        offer = self.get_offer(offer_id)
        why = {"offer": offer.id, "version": offer.version_id}
        with self._journal.write(
            by=by.id, did=events.WITHDRAWN, to=f"dataset:{offer.dataset_id}", why=why
        ) as tx:
            tx.note(did=events.WITHDRAWN, to=f"version:{offer.version_id}", why=why)
            closed = self._close(tx, offer, by=by.id)
            tx.announce(events.WITHDRAWN, dataset=offer.dataset_id, offer=offer.id)
        return closed

    def _close(self, tx: Tx, offer: Offer, *, by: str) -> Offer:
        closed = replace(offer, state=OfferState.WITHDRAWN, withdrawn_by=by, withdrawn_at=tx.at)
        store.close_offer(tx.connection, closed)
        return closed

    # search

    def search(
        self, text: str | SearchQuery, language: Language = Language.EN, *, by: Actor | None = None
    ) -> SearchResult:
        """Search the space; plain words, or a query with facets chosen."""
        query = SearchQuery(text=text) if isinstance(text, str) else text
        return self._search.search(query, language, by=by)

    def refresh_search(self) -> int:
        """Bring the search index up to date; safe to repeat at any time."""
        return self._search.catch_up()
