"""The catalogue of a node and of its space: datasets, versions, offers, search."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tidegate_client.transport import Transport


class Words(msgspec.Struct, frozen=True):
    """One text in the languages of the region."""

    en: str
    zh_hant: str = ""
    zh_hans: str = ""


class Institution(msgspec.Struct, frozen=True):
    """An institution of the space."""

    did: str
    name: str
    seat: str


class Dataset(msgspec.Struct, frozen=True):
    """A dataset of the node."""

    id: str
    title: Words
    description: Words
    keywords: tuple[Words, ...]
    theme: str
    publisher: Institution
    created_at: str
    source_note: str = ""


class Category(msgspec.Struct, frozen=True):
    """One value of a categorical column and its rows."""

    value: str
    count: int


class Column(msgspec.Struct, frozen=True):
    """One column of a codebook."""

    name: str
    type: str
    role: str
    identifier_kind: str = ""
    label: Words = Words("")
    unit: str = ""
    missing: int = 0
    distinct: int = 0
    minimum: str | None = None
    maximum: str | None = None
    categories: tuple[Category, ...] = ()


class Table(msgspec.Struct, frozen=True):
    """One table of a codebook."""

    name: str
    rows: int
    columns: tuple[Column, ...]
    person_key: str = ""


class Codebook(msgspec.Struct, frozen=True):
    """The tables and columns of a version."""

    tables: tuple[Table, ...] = ()


class Classification(msgspec.Struct, frozen=True):
    """How protected a version is."""

    cn_class: str
    level: int
    personal: bool
    sensitive: bool
    basis: str
    hgr: str = "none"
    proposed_by: str = ""
    approved_by: str = ""


class Version(msgspec.Struct, frozen=True):
    """One immutable state of a dataset."""

    id: str
    dataset_id: str
    number: int
    stage: str
    created_at: str
    codebook: Codebook = Codebook()
    classification: Classification | None = None
    rows_received: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    parent_version: str = ""


class Offer(msgspec.Struct, frozen=True):
    """A version offered under a policy; `policy` is the node's own form of it."""

    id: str
    dataset_id: str
    version_id: str
    policy: Mapping[str, Any]
    state: str
    formats: tuple[str, ...]
    published_at: str
    withdrawn_at: str = ""


class HarvestedOffer(msgspec.Struct, frozen=True):
    """An offer as a peer's catalogue states it."""

    id: str
    policy: Mapping[str, Any]
    formats: tuple[str, ...] = ()


class HarvestedDataset(msgspec.Struct, frozen=True):
    """A dataset as a peer's catalogue states it."""

    id: str
    title: Words
    version_id: str = ""
    rows: int = 0
    offers: tuple[HarvestedOffer, ...] = ()
    tombstone: str = ""


class Harvested(msgspec.Struct, frozen=True):
    """A peer's dataset with the peer and when it was last seen."""

    peer: Institution
    dataset: HarvestedDataset
    harvested_at: str


class Listing(msgspec.Struct, frozen=True):
    """A dataset of the space as the search shows it."""

    id: str
    publisher: Institution
    is_own: bool
    title: Words
    theme: str
    purposes: tuple[str, ...]
    rows: int
    visibility: str
    tombstone: str = ""


class Hit(msgspec.Struct, frozen=True):
    """One found dataset."""

    listing: Listing


class FacetCount(msgspec.Struct, frozen=True):
    """How many of the found have one value of a facet."""

    value: str
    count: int


class SearchResult(msgspec.Struct, frozen=True):
    """What a search found."""

    text: str
    total: int
    hits: tuple[Hit, ...]
    facets: tuple[tuple[str, tuple[FacetCount, ...]], ...] = ()
    is_relaxed: bool = False


class Catalogue:
    """Look datasets up, offer them, and search the space."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def search(self, text: str = "", **choices: str | int) -> SearchResult:
        """Search the space; choices: publisher, seat, purpose, theme, language, offset, limit."""
        return self._http.get("/search", SearchResult, text=text, **choices)

    def list_datasets(self) -> tuple[Dataset, ...]:
        """List the datasets of the node."""
        return self._http.get("/datasets", tuple[Dataset, ...])

    def get_dataset(self, dataset_id: str) -> Dataset:
        """Return one dataset of the node."""
        return self._http.get(f"/datasets/{dataset_id}", Dataset)

    def describe_dataset(self, dataset_id: str, description: Mapping[str, Any]) -> Dataset:
        """Give a dataset better words: title, description, keywords, theme."""
        return self._http.put(f"/datasets/{dataset_id}", description, Dataset)

    def get_listing(self, dataset_id: str, publisher: str = "") -> Listing:
        """Return a dataset of the space, of this node or of the peer whose DID is given."""
        return self._http.get(f"/listings/{dataset_id}", Listing, publisher=publisher)

    def dcat(self, dataset_id: str) -> dict[str, Any]:
        """Return a dataset as DCAT JSON-LD."""
        return self._http.get(f"/datasets/{dataset_id}/dcat", dict[str, Any])

    def list_versions(self, dataset_id: str) -> tuple[Version, ...]:
        """List the versions of a dataset, first to last."""
        return self._http.get(f"/datasets/{dataset_id}/versions", tuple[Version, ...])

    def get_version(self, version_id: str) -> Version:
        """Return one version."""
        return self._http.get(f"/versions/{version_id}", Version)

    def list_offers(self, dataset_id: str = "") -> tuple[Offer, ...]:
        """List the published offers, of one dataset or of all."""
        return self._http.get("/offers", tuple[Offer, ...], dataset=dataset_id)

    def publish_offer(
        self,
        version_id: str,
        policy: Mapping[str, Any],
        formats: tuple[str, ...] = ("Tidegate-Visit",),
    ) -> Offer:
        """Offer a version under a policy in the node's own form."""
        body = {"version_id": version_id, "policy": policy, "formats": formats}
        return self._http.post("/offers", body, Offer)

    def withdraw_offer(self, offer_id: str) -> Offer:
        """Take an offer back."""
        return self._http.post(f"/offers/{offer_id}/withdraw", {}, Offer)

    def list_harvested(self) -> tuple[Harvested, ...]:
        """List the records harvested from the other nodes."""
        return self._http.get("/harvested", tuple[Harvested, ...])
