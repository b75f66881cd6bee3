"""SQL of the queries that people of this node asked elsewhere."""

from collections.abc import Collection
from dataclasses import fields

from sqlalchemy import Connection, Row, insert, select, update

from tidegate.db.tables.lab import ASKED
from tidegate.lab.errors import AskedRacedError, QueryNotFoundError
from tidegate.lab.model import Asked, RunState

_COLUMNS = tuple(ASKED.c[field.name] for field in fields(Asked))


def add_asked(conn: Connection, asked: Asked) -> None:
    """Insert a query."""
    conn.execute(insert(ASKED).values(_values(asked)))


def save_asked(conn: Connection, asked: Asked, *, expect: Collection[RunState]) -> None:
    """Update a query that is still in one of these states; raise AskedRacedError otherwise."""
    states = [each.value for each in expect]
    done = conn.execute(
        update(ASKED)
        .where(ASKED.c.id == asked.id, ASKED.c.state.in_(states))
        .values(_values(asked))
    )
    if done.rowcount != 1:
        raise AskedRacedError("The query was answered at the same moment; look at it again.")


def get_asked(conn: Connection, asked_id: str) -> Asked:
    """Return a query; raise QueryNotFoundError if there is none."""
    row = conn.execute(select(*_COLUMNS).where(ASKED.c.id == asked_id)).one_or_none()
    if row is None:
        raise QueryNotFoundError("There is no such query at this node.", query=asked_id)
    return _asked(row)


def list_asked_by(conn: Connection, person_id: str, *, limit: int = 500) -> tuple[Asked, ...]:
    """Return a person's queries, newest first."""
    statement = select(*_COLUMNS).where(ASKED.c.person_id == person_id)
    newest = statement.order_by(ASKED.c.submitted_at.desc(), ASKED.c.id.desc())
    return tuple(_asked(row) for row in conn.execute(newest.limit(limit)))


def list_asked_under(conn: Connection, agreement_id: str) -> tuple[Asked, ...]:
    """Return the queries asked under an agreement."""
    statement = select(*_COLUMNS).where(ASKED.c.agreement_id == agreement_id)
    return tuple(_asked(row) for row in conn.execute(statement.order_by(ASKED.c.id)))


def _values(asked: Asked) -> dict[str, object]:
    return {field.name: getattr(asked, field.name) for field in fields(Asked)}


def _asked(row: Row[tuple[object, ...]]) -> Asked:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented accessor
    return Asked(**{**values, "state": RunState(values["state"])})
