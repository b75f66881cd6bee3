"""The catalogue for peers in SQL: who may see an offer is decided by the database, page by page.

What an offer asks of its recipient is its audience. Audiences are few; a peer is held against them
by the rules of the policy room, and the database finds the offers of those that admit it.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    delete,
    exists,
    insert,
    select,
    update,
)

from tidegate.connector.catalog.model import Shown, Spot, Written
from tidegate.db.tables.connector_catalog import connector_shelf as shelf
from tidegate.db.tables.connector_catalog import connector_shelf_audience as audiences
from tidegate.db.tables.connector_catalog import connector_shelf_dataset as datasets
from tidegate.db.tables.connector_catalog import connector_shelf_offer as offers
from tidegate.policy.model import Policy

_THE_SHELF = "catalog"
_POLICY = msgspec.json.Decoder(Policy)
_AT_ONCE = 500  # names in one statement


def get_state(conn: Connection) -> tuple[int, str]:
    """Return up to which revision, and in which form, the shelf was written."""
    row = conn.execute(select(shelf.c.revision, shelf.c.form)).first()
    return (int(row.revision), str(row.form)) if row else (0, "")


def put_state(conn: Connection, revision: int, form: str) -> None:
    """Say up to which revision, and in which form, the shelf is written now."""
    said = {"revision": revision, "form": form}
    if conn.execute(update(shelf).where(shelf.c.id == _THE_SHELF).values(**said)).rowcount == 0:
        conn.execute(insert(shelf), {"id": _THE_SHELF, **said})


def clear(conn: Connection) -> None:
    """Empty the shelf."""
    for table in (offers, datasets, audiences):
        conn.execute(delete(table))


def put(conn: Connection, names: Iterable[str], written: Iterable[Written]) -> None:
    """Replace what is written of the datasets with these names; one without offers goes."""
    every = sorted(names)
    for start in range(0, len(every), _AT_ONCE):
        some = every[start : start + _AT_ONCE]
        conn.execute(delete(offers).where(offers.c.dataset_id.in_(some)))
        conn.execute(delete(datasets).where(datasets.c.id.in_(some)))
    kept = list(written)
    _insert(conn, datasets, [{"id": one.id, "words": one.words, "head": one.head} for one in kept])
    _insert(
        conn,
        offers,
        [
            {
                "id": offer.id,
                "dataset_id": one.id,
                "place": place,
                "formats": "\n".join(offer.formats),
                "audience": offer.audience_id,
                "about": offer.about,
                "terms": offer.terms,
            }
            for one in kept
            for place, offer in enumerate(one.offers)
        ],
    )
    _put_audiences(
        conn, {offer.audience_id: offer.audience for one in kept for offer in one.offers}
    )


def _put_audiences(conn: Connection, asked: Mapping[str, Policy]) -> None:
    """Keep the audiences of the offers on the shelf, and no other."""
    used = select(offers.c.audience).distinct()
    conn.execute(delete(audiences).where(audiences.c.id.not_in(used)))
    known = set(conn.execute(select(audiences.c.id)).scalars())
    new = sorted(set(asked) - known)
    _insert(
        conn,
        audiences,
        [{"id": name, "policy": msgspec.json.encode(asked[name]).decode()} for name in new],
    )


def list_audiences(conn: Connection) -> tuple[tuple[str, Policy], ...]:
    """Return every audience with the terms it stands for."""
    rows = conn.execute(select(audiences.c.id, audiences.c.policy))
    return tuple((name, _POLICY.decode(terms)) for name, terms in rows)


def _insert(conn: Connection, table: object, rows: list[dict[str, object]]) -> None:
    if rows:
        conn.execute(insert(table), rows)  # type: ignore[arg-type]


def _is_open() -> ColumnElement[bool]:
    """Say in SQL that an offer is for an audience that admits the peer."""
    return offers.c.audience.in_(bindparam("audiences", expanding=True))


def _seen() -> ColumnElement[bool]:
    return exists().where(offers.c.dataset_id == datasets.c.id, _is_open())


@lru_cache(maxsize=64)
def _page(shape: tuple[bool, bool, bool, int]) -> Select[Any]:
    """Return the statement that finds a page; `shape` says which parts of a spot narrow it."""
    after, before, names, texts = shape
    chosen = select(datasets.c.id, datasets.c.head).where(_seen())
    if after:
        chosen = chosen.where(datasets.c.id > bindparam("after"))
    if before:
        chosen = chosen.where(datasets.c.id < bindparam("before"))
    if names:
        chosen = chosen.where(datasets.c.id.in_(bindparam("names", expanding=True)))
    for number in range(texts):
        chosen = chosen.where(datasets.c.words.like(bindparam(f"text{number}"), escape="\\"))
    order = datasets.c.id.desc() if before else datasets.c.id
    return chosen.order_by(order).limit(bindparam("size")).offset(bindparam("skip"))


@cache
def _offers(*, gaps: bool) -> Select[Any]:
    """Return the statement that finds the offers of a page, by its ends unless it has gaps."""
    name = offers.c.dataset_id
    query = select(name, offers.c.about, offers.c.terms, offers.c.formats).where(_is_open())
    if gaps:
        query = query.where(name.in_(bindparam("found", expanding=True)))
    else:
        query = query.where(name >= bindparam("first"), name <= bindparam("last"))
    return query.order_by(name, offers.c.place)


def read_page(conn: Connection, admitted: Sequence[str], spot: Spot) -> list[Shown]:
    """Return the datasets with an offer for these audiences there, and those offers, in order.

    Two statements, whatever the size: a join would let the database begin at the offers.
    """
    shape = (bool(spot.after), bool(spot.before), spot.names is not None, len(spot.texts))
    said: dict[str, object] = {"audiences": admitted, "size": spot.size, "skip": spot.skip}
    said |= {"after": spot.after} if spot.after else {}
    said |= {"before": spot.before} if spot.before else {}
    said |= {"names": sorted(spot.names)} if spot.names is not None else {}
    said |= {f"text{number}": _pattern(text) for number, text in enumerate(spot.texts)}
    rows = conn.execute(_page(shape), said).all()
    found = {name: Shown(name, head, "", [], set()) for name, head in rows}
    if not found:
        return []
    gaps = spot.names is not None or bool(spot.texts)
    ends: dict[str, object] = {"found": list(found)}
    if not gaps:
        ends = {"first": min(found), "last": max(found)}
    offered = conn.execute(_offers(gaps=gaps), {"audiences": admitted, **ends}).all()
    for name, about, terms, formats in offered:
        one = found[name]
        one.about = about  # the version offered last is the one described
        one.terms.append(terms)
        one.formats.update(formats.split("\n"))
    return sorted(found.values(), key=lambda one: one.id)


def _pattern(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
