"""Who may do what in the catalogue, and what may be offered. Pure: values in, answer out."""

from collections.abc import Iterable, Sequence

from tidegate.access.model import Actor, Role
from tidegate.catalogue.dcat import purposes_of
from tidegate.catalogue.errors import (
    BuriedError,
    DatasetAmbiguousError,
    NotOfferableError,
    OfferInvalidError,
    OfferTwiceError,
    QueryTooLargeError,
)
from tidegate.catalogue.model import (
    ColumnRole,
    DatasetRecord,
    HarvestedRecord,
    Listing,
    Offer,
    OfferState,
    SearchQuery,
    Tombstone,
    VersionRecord,
    Visibility,
)
from tidegate.policy.model import Policy
from tidegate.policy.service import rows_refusal

OFFERABLE_STAGES = frozenset({"deidentified", "stored"})
KEEPERS = frozenset({Role.STEWARD, Role.OPERATOR, Role.COMMITTEE, Role.LEGAL, Role.AUDITOR})
"""Roles that also see what is catalogued and not (or no longer) offered."""

VISIT = "Tidegate-Visit"
"""The one format that moves no row."""

LONGEST_QUERY = 1000  # characters
DEEPEST_HIT = 11_000  # the index sets room aside for every hit before the page asked for
MOST_HITS = 100


def check_may_offer(
    version: VersionRecord, stones: tuple[Tombstone, ...], formats: tuple[str, ...]
) -> None:
    """Raise unless the version may be offered in these formats now."""
    if any(stone.version_id == version.id for stone in stones):
        raise BuriedError("This version was destroyed; offer another version.", version=version.id)
    if version.stage not in OFFERABLE_STAGES:
        raise NotOfferableError(
            f"This version is {version.stage}; de-identify and store it before you offer it.",
            version=version.id,
            stage=version.stage,
        )
    if not formats or not all(formats):
        raise OfferInvalidError("Name at least one transfer format, such as Tidegate-Visit.")


def check_is_new(published: tuple[Offer, ...], policy: Policy, formats: tuple[str, ...]) -> None:
    """Raise OfferTwiceError where a published offer says the same, in whatever order of formats."""
    for offer in published:
        if offer.policy.digest == policy.digest and set(offer.formats) == set(formats):
            raise OfferTwiceError(
                f"This version is offered like this already ({offer.id}), and an offer opens again"
                " when its version does. Use that offer, or publish other terms or formats.",
                code="offer_exists",
                offer=offer.id,
            )


def check_formats(policy: Policy, formats: tuple[str, ...]) -> None:
    """Raise unless the policy lets rows leave, where a format beside the visit is named."""
    moving = [name for name in formats if name != VISIT]
    refusal = rows_refusal(policy) if moving else None
    if refusal is not None:
        raise OfferInvalidError(
            f"The format {moving[0]} moves rows. {refusal.message}", code="format_not_permitted"
        )


def check_query(query: SearchQuery) -> None:
    """Raise QueryTooLargeError for a search that would cost the node too much."""
    longest = max(map(len, (query.text, *(value for _, value in query.chosen()))))
    page = query.limit in range(1, MOST_HITS + 1) and query.offset in range(DEEPEST_HIT)
    if longest > LONGEST_QUERY or not page:
        raise QueryTooLargeError(
            f"A search has at most {LONGEST_QUERY} characters and {MOST_HITS} hits a page, and"
            f" looks no further than hit {DEEPEST_HIT}; narrow it by words or facets."
        )


def visibilities_for(actor: Actor | None) -> tuple[Visibility, ...]:
    """Say which records an actor may find."""
    public = (Visibility.OFFERED, Visibility.GONE)
    return (*public, Visibility.INTERNAL) if actor and actor.roles & KEEPERS else public


def versions_for(
    actor: Actor | None,
    versions: tuple[VersionRecord, ...],
    offers: tuple[Offer, ...],
    stones: tuple[Tombstone, ...],
) -> tuple[VersionRecord, ...]:
    """Return the versions an actor may see: keepers all, others what is or was offered to the end.

    `offers` are all there ever were. What was never offered may describe people closely.
    """
    if actor and actor.roles & KEEPERS:
        return versions
    shown = {offer.version_id for offer in offers if offer.state is OfferState.PUBLISHED}
    shown |= {stone.version_id for stone in public_stones(stones, offers)}
    return tuple(version for version in versions if version.id in shown)


def public_stones(
    stones: tuple[Tombstone, ...], offers: tuple[Offer, ...]
) -> tuple[Tombstone, ...]:
    """Return the tombstones everybody may find: of versions that were offered once.

    `offers` are all there ever were. What was kept to oneself stays so after its end.
    """
    was_offered = {offer.version_id for offer in offers}
    return tuple(stone for stone in stones if stone.version_id in was_offered)


def list_own(
    dataset: DatasetRecord,
    versions: tuple[VersionRecord, ...],
    offers: tuple[Offer, ...],
    stones: tuple[Tombstone, ...],
    every_offer: tuple[Offer, ...],
) -> Listing:
    """Describe a dataset of this node for the search.

    `offers` are those that can be negotiated now, `every_offer` all there ever were.
    """
    offered = {offer.version_id for offer in offers}
    graves = public_stones(stones, every_offer)
    public = offered | {stone.version_id for stone in graves}
    shown = (
        [version for version in versions if version.id in offered]
        or [version for version in versions if version.id in public]
        or list(versions)
    )
    columns = [
        (f"{table.name}.{column.name}", column.label)
        for version in shown[-1:]
        for table, column in version.codebook.columns()
        if column.role is not ColumnRole.DIRECT_IDENTIFIER
    ]
    buried = {stone.version_id for stone in stones}
    all_gone = bool(graves) and all(version.id in buried for version in versions)
    return Listing(
        id=dataset.id,
        publisher=dataset.publisher,
        is_own=True,
        title=dataset.title,
        description=dataset.description,
        keywords=dataset.keywords,
        theme=dataset.theme,
        purposes=_distinct(code for offer in offers for code in purposes_of(offer.policy)),
        rows=shown[-1].rows_accepted if shown else 0,
        columns=_distinct(name for name, _ in columns),
        visibility=_visibility(is_offered=bool(offers), is_gone=all_gone),
        labels=tuple(label for _, label in columns if label.en),
        tombstone=graves[-1].reason if all_gone else "",
    )


def the_one(
    records: Sequence[HarvestedRecord], dataset_id: str, publisher: str
) -> HarvestedRecord | None:
    """Return the publisher's record, or the only one there is; None where there is none.

    Raises DatasetAmbiguousError where several institutions use the id and none is named: nobody
    can put a dataset in the place of another's by giving it the same id.
    """
    matching = [one for one in records if publisher in {"", one.peer.did}]
    if len(matching) > 1:
        names = ", ".join(one.peer.did for one in matching)
        raise DatasetAmbiguousError(
            f"Several institutions have a dataset {dataset_id}: {names}. Say whose is meant.",
            code="dataset_ambiguous",
            dataset=dataset_id,
            publishers=names,
        )
    return next(iter(matching), None)


def list_harvested(record: HarvestedRecord) -> Listing:
    """Describe a peer's dataset for the search."""
    dataset = record.dataset
    return Listing(
        id=dataset.id,
        publisher=record.peer,
        is_own=False,
        title=dataset.title,
        description=dataset.description,
        keywords=dataset.keywords,
        theme=dataset.theme,
        purposes=_distinct(code for one in dataset.offers for code in purposes_of(one.policy)),
        rows=dataset.rows,
        columns=dataset.columns,
        visibility=_visibility(is_offered=bool(dataset.offers), is_gone=bool(dataset.tombstone)),
        tombstone=dataset.tombstone,
    )


def _visibility(*, is_offered: bool, is_gone: bool) -> Visibility:
    if is_gone:
        return Visibility.GONE
    return Visibility.OFFERED if is_offered else Visibility.INTERNAL


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
