"""Documents in tables: a value as canonical JSON, beside the columns it is found by."""

import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, insert, select, update

from tidegate.kernel.canonical import canonical_json
from tidegate.kernel.errors import ConflictError, InvalidError
from tidegate.kernel.text import has_hidden_characters

T = TypeVar("T")
_KEY = re.compile(r"(?!\.)[A-Za-z0-9._:%#~-]{1,400}")
LARGEST_RECORD = 256 * 1024  # characters; the longest study with its plan needs a quarter


class ChangedMeanwhileError(ConflictError):
    """Somebody else changed it between reading and writing."""


class MessageInvalidError(InvalidError):
    """A message from another node is malformed or says more than it may."""


class RecordInvalidError(InvalidError):
    """A text is longer than is kept, or holds characters that deceive who reads it."""


def to_plain(value: object) -> Any:
    """Return the plain JSON values of a frozen record, as they travel and rest."""
    return msgspec.to_builtins(value)


def from_plain(plain: object, form: type[T]) -> T:
    """Read plain JSON values strictly: every field there, none besides, each of its type."""
    try:
        value = msgspec.convert(plain, form)
    except msgspec.ValidationError as problem:
        raise MessageInvalidError(f"A message does not fit its form: {problem}.") from None
    if canonical_json(to_plain(value)) != canonical_json(plain):
        raise MessageInvalidError(
            "A message has fields its form does not know, or leaves some out."
        )
    return value


def find(conn: Connection, table: Table, form: type[T], key: str) -> T | None:
    """Return the document with that key, or None."""
    text = conn.execute(select(table.c.body).where(table.c.id == key)).scalar_one_or_none()
    return None if text is None else msgspec.json.decode(text, type=form)


def listing(
    conn: Connection, table: Table, form: type[T], *conditions: ColumnElement[bool]
) -> tuple[T, ...]:
    """Return the documents under the conditions, oldest first."""
    rows = conn.execute(select(table.c.body).where(*conditions).order_by(table.c.id))
    return tuple(msgspec.json.decode(row.body, type=form) for row in rows)


def add(conn: Connection, table: Table, key: str, value: object, **columns: Any) -> None:
    """Insert a document."""
    check_key(key)
    conn.execute(insert(table).values(id=key, body=_body(value), **columns))


def put(conn: Connection, table: Table, key: str, value: object, **columns: Any) -> None:
    """Insert a document or replace the one with that key."""
    check_key(key)
    values = {"body": _body(value), **columns}
    if conn.execute(update(table).where(table.c.id == key).values(**values)).rowcount == 0:
        conn.execute(insert(table).values(id=key, **values))


def change(
    conn: Connection, table: Table, key: str, value: object, *, expect: str, state: str
) -> None:
    """Replace a document that is still in the state `expect`; raise ChangedMeanwhileError."""
    done = conn.execute(
        update(table)
        .where(table.c.id == key, table.c.state == expect)
        .values(body=_body(value), state=state)
    )
    if done.rowcount != 1:
        raise ChangedMeanwhileError("It was changed by somebody else just now; look again.")


def check_key(key: str) -> None:
    """Refuse an id that would mean another address where a page or a call puts it into one."""
    if not _KEY.fullmatch(key):
        raise RecordInvalidError(
            "An id has letters, digits and - . _ : % # ~ only; send it under another one.",
            code="id_unfit",
        )


def _body(value: object) -> str:
    plain = to_plain(value)
    text = canonical_json(plain).decode()
    if len(text) > LARGEST_RECORD or any(map(has_hidden_characters, _texts(plain))):
        raise RecordInvalidError(
            f"This says more than {LARGEST_RECORD} characters in all, or holds control characters;"
            " shorten it, or write it anew.",
            code="text_unfit",
        )
    return text


def _texts(plain: Any) -> Iterator[str]:
    if isinstance(plain, str):
        yield plain
    elif isinstance(plain, dict):
        yield from plain
        plain = tuple(plain.values())
    if isinstance(plain, list | tuple):
        for part in plain:
            yield from _texts(part)
