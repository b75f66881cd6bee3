"""Bring a database to the schema of this version, one migration after the other.

Alembic is imported only when there is something to do, so that an up-to-date node starts at once.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from tidegate.db.engine import Database
from tidegate.kernel.errors import ConflictError

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).parent / "migrations"


class SchemaBehindError(ConflictError):
    """The database has an older or newer schema than this version of Tidegate."""


def newest_revision() -> str:
    """Return the revision this version works with: the last file of the history, by name."""
    return max(path.stem.split("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))


def current_revision(database: Database) -> str | None:
    """Return the revision the database is at; None for an empty one."""
    with database.reading() as connection:
        if "alembic_version" not in inspect(connection).get_table_names():
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def check_current(database: Database) -> None:
    """Raise SchemaBehindError unless the database is at this version's schema."""
    current = current_revision(database)
    if current != newest_revision():
        raise SchemaBehindError(
            f"The database is at schema {current or 'none'}, this version needs"
            f" {newest_revision()}; back it up, then run `tidegate migrate --home HOME`."
        )


def upgrade(database: Database) -> str:
    """Migrate to the newest schema; return its revision. Does nothing when it is there already."""
    if current_revision(database) != newest_revision():
        with database.migrating() as connection:
            _upgrade(connection)
    return newest_revision()


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - 0.7 s to import, needed only here

    command.upgrade(config(connection), "head")


def config(connection: Connection) -> "Config":
    """Return Alembic's configuration over an open connection."""
    from alembic.config import Config  # noqa: PLC0415 - 0.7 s to import, needed only here

    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.attributes["connection"] = connection
    return made
