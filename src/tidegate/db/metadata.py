"""The one schema of the node, and the column types all rooms share."""

from typing import Any

from sqlalchemy import Column, Integer, MetaData, String, Text

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

UPKEEP = {"upkeep": True}
"""`Table(info=UPKEEP)`: housekeeping (leases, sessions, derived indexes) that needs no evidence."""


def key(name: str = "id") -> Column[str]:
    """Return a text primary key."""
    return Column(name, String(200), primary_key=True)


def text(name: str, *, nullable: bool = False, **options: Any) -> Column[str]:
    """Return a short text column: an id, a name, a state."""
    return Column(name, String(400), nullable=nullable, **options)


def stamp(name: str, *, nullable: bool = False, **options: Any) -> Column[str]:
    """Return a column for a moment in the form of `kernel.clock.iso`: text order is time order."""
    return Column(name, String(24), nullable=nullable, **options)


def body(name: str, *, nullable: bool = False, **options: Any) -> Column[str]:
    """Return a column for a document in canonical JSON, or any long text."""
    return Column(name, Text, nullable=nullable, **options)


def number(name: str, *, nullable: bool = False, default: int | None = None) -> Column[int]:
    """Return a column for a whole number; its default stands in the database too."""
    given = None if default is None else str(default)
    return Column(name, Integer, nullable=nullable, default=default, server_default=given)
