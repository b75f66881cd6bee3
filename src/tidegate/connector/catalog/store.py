"""The catalogue for peers in SQL: who may see an offer is decided by the database, page by page.

What an offer asks of its recipient is its audience. Audiences are few; a peer is held against them
by the rules of the policy room, and the database finds the offers of those that admit it.
"""

from collections.abc import Iterable, Mapping, Sequence

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
    idle = ~exists().where(offers.c.audience == audiences.c.id)
    conn.execute(delete(audiences).where(idle))
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


def _page(spot: Spot) -> Select[tuple[str, str]]:
    chosen = select(datasets.c.id, datasets.c.head).where(_seen())
    if spot.after:
        chosen = chosen.where(datasets.c.id > bindparam("after"))
    if spot.before:
        chosen = chosen.where(datasets.c.id < bindparam("before"))
    if spot.names is not None:
        chosen = chosen.where(datasets.c.id.in_(bindparam("names", expanding=True)))
    for number in range(len(spot.texts)):
        chosen = chosen.where(datasets.c.words.like(bindparam(f"text{number}"), escape="\\"))
    order = datasets.c.id.desc() if spot.before else datasets.c.id
    return chosen.order_by(order).limit(bindparam("size")).offset(bindparam("skip"))


def read_page(conn: Connection, admitted: Sequence[str], spot: Spot) -> list[Shown]:
    """Return the datasets with an offer for these audiences there, and those offers, in order."""
    chosen = _page(spot).subquery()
    query = (
        select(chosen.c.id, chosen.c.head, offers.c.about, offers.c.terms, offers.c.formats)
        .join_from(chosen, offers, offers.c.dataset_id == chosen.c.id)
        .where(_is_open())
        .order_by(chosen.c.id, offers.c.place)
    )
    said = {
        "audiences": admitted,
        "size": spot.size,
        "skip": spot.skip,
        "after": spot.after,
        "before": spot.before,
        "names": sorted(spot.names or ()),
        **{f"text{number}": _pattern(text) for number, text in enumerate(spot.texts)},
    }
    found: list[Shown] = []
    for name, head, about, terms, formats in conn.execute(query, said):
        if not found or found[-1].id != name:
            found.append(Shown(name, head, about, [terms], set(formats.split("\n"))))
        else:
            last = found[-1]
            last.about = about  # the version offered last is the one described
            last.terms.append(terms)
            last.formats.update(formats.split("\n"))
    return found


def _pattern(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
