"""The catalogue over the management API: datasets, versions, offers, search, DCAT."""

from typing import Any

from tidegate.api.kit import Call, Operation, json_response
from tidegate.catalogue.model import (
    DatasetRecord,
    HarvestedRecord,
    Listing,
    Offer,
    SearchQuery,
    SearchResult,
    Tombstone,
    VersionRecord,
)
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.text import Language, Multilingual
from tidegate.kernel.values import dataclass
from tidegate.policy.model import Policy


@dataclass(frozen=True, slots=True)
class PublishOffer:
    """The body of an offer: which version, under which policy, in which formats."""

    version_id: str
    policy: Policy
    formats: tuple[str, ...] = ("Tidegate-Visit",)


@dataclass(frozen=True, slots=True)
class DescribeDataset:
    """The body of a new description."""

    title: Multilingual
    description: Multilingual
    keywords: tuple[Multilingual, ...] = ()
    theme: str = ""


def list_datasets(call: Call[None]) -> tuple[DatasetRecord, ...]:
    """List the datasets of this node."""
    return call.house.catalogue.list_datasets_for(call.actor)


def get_dataset(call: Call[None]) -> DatasetRecord:
    """Return one dataset of this node."""
    call.house.catalogue.get_listing(call.path["dataset_id"], by=call.actor)
    return call.house.catalogue.get_dataset(call.path["dataset_id"])


def describe_dataset(call: Call[DescribeDataset]) -> DatasetRecord:
    """Give a dataset better words."""
    return call.house.catalogue.describe_dataset(
        call.path["dataset_id"],
        title=call.body.title,
        description=call.body.description,
        keywords=call.body.keywords,
        theme=call.body.theme,
        by=call.actor,
    )


def get_dcat(call: Call[None]) -> Any:
    """Return a dataset as DCAT JSON-LD."""
    call.house.catalogue.get_listing(call.path["dataset_id"], by=call.actor)
    response = json_response(call.house.catalogue.dcat(call.path["dataset_id"], by=call.actor))
    response.headers["content-type"] = "application/ld+json"
    return response


def list_versions(call: Call[None]) -> tuple[VersionRecord, ...]:
    """List the versions of a dataset."""
    return call.house.catalogue.list_versions_for(call.path["dataset_id"], by=call.actor)


def get_version(call: Call[None]) -> VersionRecord:
    """Return one version."""
    return call.house.catalogue.get_version_for(call.path["version_id"], by=call.actor)


def list_offers(call: Call[None]) -> tuple[Offer, ...]:
    """List offers, of one dataset or of all; for keepers `all=true` adds the withdrawn ones."""
    return call.house.catalogue.list_offers_for(
        call.query.get("dataset", ""),
        with_withdrawn=call.query.get("all") == "true",
        by=call.actor,
    )


def publish_offer(call: Call[PublishOffer]) -> Offer:
    """Offer a version to the space."""
    body = call.body
    return call.house.catalogue.publish_offer(
        body.version_id, body.policy, body.formats, by=call.actor
    )


def withdraw_offer(call: Call[None]) -> Offer:
    """Take an offer back."""
    return call.house.catalogue.withdraw_offer(call.path["offer_id"], by=call.actor)


def list_tombstones(call: Call[None]) -> tuple[Tombstone, ...]:
    """List the tombstones of this node."""
    return call.house.catalogue.list_tombstones_for(call.query.get("dataset", ""), by=call.actor)


def list_harvested(call: Call[None]) -> tuple[HarvestedRecord, ...]:
    """List the records harvested from the other nodes of the space."""
    return call.house.catalogue.list_harvested()


def get_listing(call: Call[None]) -> Listing:
    """Return how a dataset of the space is shown; `publisher` says whose, by DID."""
    return call.house.catalogue.get_listing(
        call.path["dataset_id"], call.query.get("publisher", ""), by=call.actor
    )


def search(call: Call[None]) -> SearchResult:
    """Search the space by words and facets."""
    asked = call.query
    try:
        language = Language(asked.get("language", "en"))
        offset, limit = int(asked.get("offset", "0")), int(asked.get("limit", "20"))
    except ValueError:
        raise InvalidError("language is en, zh-Hant or zh-Hans; offset and limit count.") from None
    query = SearchQuery(
        text=asked.get("text", ""),
        publisher=asked.get("publisher", ""),
        seat=asked.get("seat", ""),
        purpose=asked.get("purpose", ""),
        theme=asked.get("theme", ""),
        offset=max(0, offset),
        limit=min(max(1, limit), 100),
    )
    return call.house.catalogue.search(query, language, by=call.actor)


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/search", search, gives=SearchResult, summary="Search the space"),
    Operation(
        "GET", "/datasets", list_datasets, gives=tuple[DatasetRecord, ...], summary="List datasets"
    ),
    Operation(
        "GET", "/datasets/{dataset_id}", get_dataset, gives=DatasetRecord, summary="Show a dataset"
    ),
    Operation(
        "PUT",
        "/datasets/{dataset_id}",
        describe_dataset,
        takes=DescribeDataset,
        gives=DatasetRecord,
        summary="Describe a dataset",
    ),
    Operation(
        "GET",
        "/datasets/{dataset_id}/dcat",
        get_dcat,
        gives=dict[str, Any],
        summary="Show a dataset as DCAT JSON-LD",
    ),
    Operation(
        "GET",
        "/datasets/{dataset_id}/versions",
        list_versions,
        gives=tuple[VersionRecord, ...],
        summary="List the versions of a dataset",
    ),
    Operation(
        "GET",
        "/listings/{dataset_id}",
        get_listing,
        gives=Listing,
        summary="Show a dataset of the space",
    ),
    Operation(
        "GET", "/versions/{version_id}", get_version, gives=VersionRecord, summary="Show a version"
    ),
    Operation("GET", "/offers", list_offers, gives=tuple[Offer, ...], summary="List offers"),
    Operation(
        "POST",
        "/offers",
        publish_offer,
        takes=PublishOffer,
        gives=Offer,
        summary="Offer a version",
        status=201,
    ),
    Operation(
        "POST",
        "/offers/{offer_id}/withdraw",
        withdraw_offer,
        gives=Offer,
        summary="Withdraw an offer",
    ),
    Operation(
        "GET",
        "/tombstones",
        list_tombstones,
        gives=tuple[Tombstone, ...],
        summary="List tombstones",
    ),
    Operation(
        "GET",
        "/harvested",
        list_harvested,
        gives=tuple[HarvestedRecord, ...],
        summary="List the peers' records",
    ),
)
