"""All that a database is before anybody uses it, as values that can be compared."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, column, inspect, select, table, text

from tidegate.db.engine import Database

CHANGES = (
    "CREATE TABLE one_more (id INTEGER)",
    "ALTER TABLE connector_plane ADD COLUMN one_more TEXT",
    "ALTER TABLE connector_transfer DROP COLUMN scripted",
    "DROP INDEX ix_connector_plane_token",
    "CREATE VIEW one_more_view AS SELECT 1",
    "UPDATE alembic_version SET version_num = '0001'",
)
"""Each is a difference that the comparison must see, on either database."""

_THINGS = {
    "sqlite": "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'",
    "postgresql": (
        "SELECT relkind::text, relname FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace"
        " UNION SELECT 'trigger', tgname FROM pg_trigger WHERE NOT tgisinternal"
        " UNION SELECT 'type', typname FROM pg_type WHERE typnamespace = 'public'::regnamespace"
        " UNION SELECT 'function', proname FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace"
    ),
}


def describe(database: Database) -> dict[str, Any]:
    """Return everything in the database by name: tables, their parts, indexes and rows.

    The order of columns is left out: a migration can only add at the end, and all SQL of the node
    names its columns.
    """
    with database.reading() as connection:
        things = connection.execute(text(_THINGS[connection.dialect.name])).all()
        asked = inspect(connection)
        columns = asked.get_multi_columns()
        return {
            "things": sorted(map(tuple, things)),
            "columns": _plain(columns),
            "primary keys": _plain(asked.get_multi_pk_constraint()),
            "foreign keys": _plain(asked.get_multi_foreign_keys()),
            "unique": _plain(asked.get_multi_unique_constraints()),
            "checks": _plain(asked.get_multi_check_constraints()),
            "indexes": _plain(asked.get_multi_indexes()),
            "rows": {
                name: _rows(connection, name, sorted(str(each["name"]) for each in found))
                for (_, name), found in columns.items()
            },
        }


def _rows(connection: Connection, name: str, columns: list[str]) -> list[str]:
    found = connection.execute(select(*map(column, columns)).select_from(table(name)))
    return sorted(repr(tuple(row)) for row in found)


def _plain(value: Any) -> Any:
    """Return names and texts in an order of their own, so that two answers can be compared."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return sorted((_plain(each) for each in value), key=repr)
    return str(value)
