"""The catalogue as a peer may see it: pages, filters, single datasets."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from tidegate.catalogue.model import DatasetRecord, Offer, Tombstone, VersionRecord
from tidegate.connector.catalog.documents import (
    buried_part,
    catalog_document,
    dataset_document,
    dataset_part,
    service_part,
)
from tidegate.connector.catalog.filters import Wanted, read_filters
from tidegate.connector.catalog.model import PAGE_SIZE, Page
from tidegate.connector.messages.compose import Document
from tidegate.connector.messages.errors import MessageRefusedError, ProcessUnknownError
from tidegate.connector.messages.read import check, read
from tidegate.connector.messages.wire_catalog import Catalog, CatalogRequestMessage, Dataset
from tidegate.connector.model import Peer
from tidegate.connector.negotiation.rules import may_see


class Shelf(Protocol):
    """Where this node's datasets and offers are."""

    def list_open_offers(self, *, dataset_id: str = "") -> tuple[Offer, ...]:
        """Return the offers that can be negotiated now."""
        ...

    def list_datasets(self) -> tuple[DatasetRecord, ...]:
        """Return every dataset of this node."""
        ...

    def find_versions(self, version_ids: frozenset[str]) -> Mapping[str, VersionRecord]:
        """Return the versions with these ids, by id."""
        ...

    def list_tombstones(self, dataset_id: str = "") -> tuple[Tombstone, ...]:
        """Return the tombstones of one dataset, or of all."""
        ...


class DspCatalogService:
    """Answers catalogue requests of other nodes."""

    def __init__(
        self, catalogue: Shelf, *, did: str, address: str, page_size: int = PAGE_SIZE
    ) -> None:
        self.did = did
        self._catalogue = catalogue
        self._address = address.rstrip("/")
        self._service_id = f"{did}#dsp"
        self._page_size = page_size

    def request(self, peer: Peer, body: bytes, *, cursor: str = "") -> Page:
        """Return a page of the datasets this peer may see.

        Raises MessageRefusedError for a filter or cursor this node does not understand: a
        request that is half understood would show too much.
        """
        message = read(body, CatalogRequestMessage).message
        filters = message.filter
        wanted = read_filters(filters if isinstance(filters, list) else [])
        offers = self._visible(peer)
        records = [
            record
            for record in sorted(self._catalogue.list_datasets(), key=lambda one: one.id)
            if record.id in offers and wanted.fits(record)
        ]
        return self._page(records, offers, cursor, wanted)

    def dataset(self, peer: Peer, dataset_id: str) -> Document:
        """Return one dataset; what a peer may not see does not exist for it."""
        offers = self._visible(peer, dataset_id)
        found = [one for one in self._catalogue.list_datasets() if one.id == dataset_id]
        if not found or dataset_id not in offers:
            raise ProcessUnknownError("There is no such dataset.", code="dataset_unknown")
        (part,) = self._parts(found, offers)
        return dict(check(dataset_document(part), Dataset).document)

    def _page(
        self,
        records: list[DatasetRecord],
        offers: dict[str, tuple[Offer, ...]],
        cursor: str,
        wanted: Wanted,
    ) -> Page:
        size, after = wanted.limit or self._page_size, _after(cursor)
        start = sum(one.id <= after for one in records) if cursor else wanted.offset
        page = records[start : start + size]
        service = service_part(self._service_id, self._address)
        parts = self._parts(page, offers)
        buried = self._buried() if start == 0 and wanted.is_everything else []
        document = catalog_document(self.did, service, parts, buried)
        check(document, Catalog)
        links = _links(records, start, size)
        return Page(document, f"{self._address}/catalog/request", links)

    def _visible(self, peer: Peer, dataset_id: str = "") -> dict[str, tuple[Offer, ...]]:
        grouped: dict[str, list[Offer]] = defaultdict(list)
        who = peer.as_recipient()
        for offer in self._catalogue.list_open_offers(dataset_id=dataset_id):
            if may_see(offer, who):
                grouped[offer.dataset_id].append(offer)
        return {name: tuple(found) for name, found in grouped.items()}

    def _parts(
        self, records: list[DatasetRecord], offers: dict[str, tuple[Offer, ...]]
    ) -> list[Document]:
        """Describe datasets by the version offered last; all versions are read at once."""
        newest = {one.id: offers[one.id][-1].version_id for one in records}
        versions = self._catalogue.find_versions(frozenset(newest.values()))
        return [
            dataset_part(one, versions[newest[one.id]], offers[one.id], self._service_id)
            for one in records
        ]

    def _buried(self) -> list[dict[str, Any]]:
        records = {one.id: one for one in self._catalogue.list_datasets()}
        return [
            buried_part(records[stone.dataset_id], stone)
            for stone in self._catalogue.list_tombstones()
            if stone.dataset_id in records
        ]


def _links(records: list[DatasetRecord], start: int, size: int) -> tuple[tuple[str, str], ...]:
    links, end = [], start + size
    if page_end := records[start:end]:
        links += [("next", _cursor(page_end[-1].id))] if end < len(records) else []
    if start:
        before = start - size
        links.append(("previous", _cursor(records[before - 1].id if before > 0 else "")))
    return tuple(links)


def _cursor(last: str) -> str:
    return urlsafe_b64encode(msgspec.json.encode([last])).decode().rstrip("=")


def _after(cursor: str) -> str:
    if not cursor:
        return ""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return msgspec.json.decode(urlsafe_b64decode(padded), type=tuple[str])[0]
    except (ValueError, msgspec.MsgspecError):
        raise MessageRefusedError(
            "The cursor is not one this node gave; start again without.", code="cursor_invalid"
        ) from None
