"""The catalogue in SQL: every function takes a connection and speaks in models."""

from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from tidegate.access.model import Participant
from tidegate.catalogue.errors import (
    DatasetUnknownError,
    OfferClosedError,
    OfferUnknownError,
    StageChangedError,
    VersionUnknownError,
)
from tidegate.catalogue.model import (
    DatasetRecord,
    HarvestedDataset,
    HarvestedRecord,
    Offer,
    OfferState,
    Tombstone,
    VersionRecord,
)
from tidegate.db.tables.catalogue import (
    catalogue_dataset,
    catalogue_harvested,
    catalogue_offer,
    catalogue_revision,
    catalogue_tombstone,
    catalogue_version,
)
from tidegate.kernel.canonical import canonical_json

M = TypeVar("M")
_THE_REVISION = "catalogue"
_REVISION = select(catalogue_revision.c.number).where(catalogue_revision.c.id == _THE_REVISION)


def _write_body(record: Any) -> str:
    return canonical_json(msgspec.to_builtins(record)).decode()


def _read_body(text: str, kind: type[M]) -> M:
    return msgspec.json.decode(text.encode(), type=kind)


# revisions


def next_revision(conn: Connection) -> int:
    """Take the next revision number; the row lock makes commits follow the numbers' order."""
    row = catalogue_revision
    moved = conn.execute(
        update(row).where(row.c.id == _THE_REVISION).values(number=row.c.number + 1)
    )
    if moved.rowcount == 0:
        conn.execute(insert(row), {"id": _THE_REVISION, "number": 1})
    return get_revision(conn)


def get_revision(conn: Connection) -> int:
    """Return the number of the last change a search could see; 0 when there was none."""
    return int(conn.execute(_REVISION).scalar() or 0)


def touch_dataset(conn: Connection, dataset_id: str) -> None:
    """Mark a dataset as changed for the search index."""
    conn.execute(
        update(catalogue_dataset)
        .where(catalogue_dataset.c.id == dataset_id)
        .values(revision=next_revision(conn))
    )


# datasets and versions


def add_dataset(conn: Connection, record: DatasetRecord) -> None:
    """Enter a new dataset."""
    conn.execute(
        insert(catalogue_dataset),
        {
            "id": record.id,
            "publisher_did": record.publisher.did,
            "created_at": record.created_at,
            "revision": next_revision(conn),
            "body": _write_body(record),
        },
    )


def save_dataset(conn: Connection, record: DatasetRecord) -> None:
    """Replace the description of a dataset."""
    conn.execute(
        update(catalogue_dataset)
        .where(catalogue_dataset.c.id == record.id)
        .values(body=_write_body(record), revision=next_revision(conn))
    )


def find_dataset(conn: Connection, dataset_id: str) -> DatasetRecord | None:
    """Return the dataset, or None."""
    table = catalogue_dataset
    body = conn.execute(select(table.c.body).where(table.c.id == dataset_id)).scalar()
    return None if body is None else _read_body(body, DatasetRecord)


def get_dataset(conn: Connection, dataset_id: str) -> DatasetRecord:
    """Return the dataset; raise DatasetUnknownError if there is none."""
    record = find_dataset(conn, dataset_id)
    if record is None:
        raise DatasetUnknownError(
            f"This node's catalogue has no dataset {dataset_id}; check the id.", dataset=dataset_id
        )
    return record


def list_datasets(conn: Connection) -> tuple[DatasetRecord, ...]:
    """Return every dataset of this node, oldest first."""
    table = catalogue_dataset
    rows = conn.execute(select(table.c.body).order_by(table.c.created_at, table.c.id))
    return tuple(_read_body(body, DatasetRecord) for (body,) in rows)


def list_datasets_since(conn: Connection, revision: int) -> tuple[DatasetRecord, ...]:
    """Return the datasets that changed after `revision`."""
    table = catalogue_dataset
    rows = conn.execute(select(table.c.body).where(table.c.revision > revision))
    return tuple(_read_body(body, DatasetRecord) for (body,) in rows)


def add_version(conn: Connection, record: VersionRecord) -> None:
    """Enter a new version of a dataset."""
    conn.execute(
        insert(catalogue_version),
        {
            "id": record.id,
            "dataset_id": record.dataset_id,
            "number": record.number,
            "stage": record.stage,
            "created_at": record.created_at,
            "body": _write_body(record),
        },
    )
    touch_dataset(conn, record.dataset_id)


def save_version(conn: Connection, record: VersionRecord, *, expect_stage: str) -> None:
    """Replace a version, only if it still is in `expect_stage`."""
    table = catalogue_version
    moved = conn.execute(
        update(table)
        .where(table.c.id == record.id, table.c.stage == expect_stage)
        .values(stage=record.stage, body=_write_body(record))
    )
    if moved.rowcount != 1:
        raise StageChangedError(
            f"Version {record.id} is no longer {expect_stage}; look at it again and decide anew.",
            version=record.id,
            stage=expect_stage,
        )
    touch_dataset(conn, record.dataset_id)


def get_version(conn: Connection, version_id: str) -> VersionRecord:
    """Return the version; raise VersionUnknownError if there is none."""
    table = catalogue_version
    body = conn.execute(select(table.c.body).where(table.c.id == version_id)).scalar()
    if body is None:
        raise VersionUnknownError(
            f"This node's catalogue has no version {version_id}; check the id.", version=version_id
        )
    return _read_body(body, VersionRecord)


def list_versions(
    conn: Connection, dataset_id: str = "", *, ids: frozenset[str] = frozenset()
) -> tuple[VersionRecord, ...]:
    """Return the versions of a dataset, first to last, or those with these ids."""
    table = catalogue_version
    which = table.c.dataset_id == dataset_id if dataset_id else table.c.id.in_(ids)
    rows = conn.execute(select(table.c.body).where(which).order_by(table.c.number))
    return tuple(_read_body(body, VersionRecord) for (body,) in rows)


def next_number(conn: Connection, dataset_id: str) -> int:
    """Return the number the next version of a dataset gets."""
    table = catalogue_version
    last = conn.execute(
        select(func.max(table.c.number)).where(table.c.dataset_id == dataset_id)
    ).scalar()
    return int(last or 0) + 1


# offers


def add_offer(conn: Connection, offer: Offer) -> None:
    """Enter a new offer."""
    conn.execute(
        insert(catalogue_offer),
        {
            "id": offer.id,
            "dataset_id": offer.dataset_id,
            "version_id": offer.version_id,
            "state": offer.state.value,
            "policy_digest": offer.policy.digest,
            "published_by": offer.published_by,
            "published_at": offer.published_at,
            "body": _write_body(offer),
        },
    )
    touch_dataset(conn, offer.dataset_id)


def close_offer(conn: Connection, offer: Offer) -> None:
    """Write a withdrawn offer, only if it still was published."""
    table = catalogue_offer
    moved = conn.execute(
        update(table)
        .where(table.c.id == offer.id, table.c.state == OfferState.PUBLISHED.value)
        .values(
            state=offer.state.value,
            withdrawn_by=offer.withdrawn_by,
            withdrawn_at=offer.withdrawn_at,
            body=_write_body(offer),
        )
    )
    if moved.rowcount != 1:
        raise OfferClosedError(f"Offer {offer.id} was withdrawn before.", offer=offer.id)
    touch_dataset(conn, offer.dataset_id)


def find_offer(conn: Connection, offer_id: str) -> Offer | None:
    """Return the offer, or None."""
    table = catalogue_offer
    body = conn.execute(select(table.c.body).where(table.c.id == offer_id)).scalar()
    return None if body is None else _read_body(body, Offer)


def get_offer(conn: Connection, offer_id: str) -> Offer:
    """Return the offer; raise OfferUnknownError if there is none."""
    offer = find_offer(conn, offer_id)
    if offer is None:
        raise OfferUnknownError(
            f"This node's catalogue has no offer {offer_id}; look the dataset up again.",
            offer=offer_id,
        )
    return offer


def list_offers(
    conn: Connection, *, dataset_id: str = "", version_id: str = "", state: OfferState | None = None
) -> tuple[Offer, ...]:
    """Return offers, oldest first, narrowed by what is given."""
    return _list_offers(conn, _about(dataset_id, version_id, state))


def list_open_offers(
    conn: Connection, stages: frozenset[str], *, dataset_id: str = "", offer_id: str = ""
) -> tuple[Offer, ...]:
    """Return the published offers of versions in one of these stages, oldest first."""
    version, offer = catalogue_version, catalogue_offer
    visitable = select(version.c.id).where(version.c.stage.in_(stages))
    where = [*_about(dataset_id, "", OfferState.PUBLISHED), offer.c.version_id.in_(visitable)]
    if offer_id:
        where.append(offer.c.id == offer_id)
    return _list_offers(conn, where)


def _about(dataset_id: str, version_id: str, state: OfferState | None) -> list[ColumnElement[bool]]:
    table = catalogue_offer
    where: list[ColumnElement[bool]] = []
    if dataset_id:
        where.append(table.c.dataset_id == dataset_id)
    if version_id:
        where.append(table.c.version_id == version_id)
    if state is not None:
        where.append(table.c.state == state.value)
    return where


def _list_offers(conn: Connection, where: list[ColumnElement[bool]]) -> tuple[Offer, ...]:
    table = catalogue_offer
    query = select(table.c.body).where(*where).order_by(table.c.published_at, table.c.id)
    return tuple(_read_body(body, Offer) for (body,) in conn.execute(query))


# tombstones


def add_tombstone(conn: Connection, stone: Tombstone) -> None:
    """Set a tombstone; there is no function that takes one away."""
    conn.execute(
        insert(catalogue_tombstone),
        {
            "version_id": stone.version_id,
            "dataset_id": stone.dataset_id,
            "reason": stone.reason,
            "certificate_id": stone.certificate_id,
            "buried_at": stone.buried_at,
        },
    )
    touch_dataset(conn, stone.dataset_id)


def list_tombstones(conn: Connection, dataset_id: str = "") -> tuple[Tombstone, ...]:
    """Return the tombstones, oldest first, of one dataset or of all."""
    table = catalogue_tombstone
    query = select(
        table.c.version_id,
        table.c.dataset_id,
        table.c.reason,
        table.c.buried_at,
        table.c.certificate_id,
    ).order_by(table.c.buried_at, table.c.version_id)
    if dataset_id:
        query = query.where(table.c.dataset_id == dataset_id)
    return tuple(Tombstone(*row) for row in conn.execute(query))


# the peers' records


def put_harvested(
    conn: Connection, peer: Participant, datasets: tuple[HarvestedDataset, ...], *, at: str
) -> int:
    """Make the records of `peer` equal to `datasets`; return how many changed.

    A record the peer no longer lists is marked as gone, not deleted.
    """
    table = catalogue_harvested
    rows = conn.execute(
        select(table.c.dataset_id, table.c.body, table.c.peer, table.c.gone_at).where(
            table.c.peer_did == peer.did
        )
    )
    known = {row.dataset_id: row for row in rows}
    about, changed = _write_body(peer), 0
    for dataset in datasets:
        values = {"body": _write_body(dataset), "peer": about, "gone_at": None}
        old = known.pop(dataset.id, None)
        is_new = old is None or (old.body, old.peer, old.gone_at) != (values["body"], about, None)
        changed += is_new
        _save_harvested(conn, (peer.did, dataset.id), old, {**values, "harvested_at": at}, is_new)
    for dataset_id, old in known.items():
        if old.gone_at is None:
            changed += 1
            _save_harvested(conn, (peer.did, dataset_id), old, {"gone_at": at}, is_new=True)
    return changed


def _save_harvested(
    conn: Connection,
    name: tuple[str, str],
    old: object | None,
    values: dict[str, Any],
    is_new: bool,  # noqa: FBT001 - private, called in one place
) -> None:
    table = catalogue_harvested
    if is_new:
        values = {**values, "revision": next_revision(conn)}
    peer_did, dataset_id = name
    if old is None:
        conn.execute(insert(table), {"peer_did": peer_did, "dataset_id": dataset_id, **values})
        return
    conn.execute(
        update(table)
        .where(table.c.peer_did == peer_did, table.c.dataset_id == dataset_id)
        .values(**values)
    )


def list_harvested(
    conn: Connection, *, since: int = 0, with_gone: bool = False, dataset_id: str = ""
) -> tuple[tuple[HarvestedRecord, bool], ...]:
    """Return the peers' records that changed after `since`, each with whether it is gone."""
    table = catalogue_harvested
    query = (
        select(table.c.peer, table.c.body, table.c.harvested_at, table.c.gone_at)
        .where(table.c.revision > since)
        .order_by(table.c.peer_did, table.c.dataset_id)
    )
    if not with_gone:
        query = query.where(table.c.gone_at.is_(None))
    if dataset_id:
        query = query.where(table.c.dataset_id == dataset_id)
    return tuple(
        (
            HarvestedRecord(
                peer=_read_body(row.peer, Participant),
                dataset=_read_body(row.body, HarvestedDataset),
                harvested_at=row.harvested_at,
            ),
            row.gone_at is not None,
        )
        for row in conn.execute(query)
    )
