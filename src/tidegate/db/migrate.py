"""Bring a database to the schema of this version, one migration after the other.

An empty database gets the newest schema as the rooms declare it, which a test proves to be what
the whole history leads to (docs/decisions/0026). Alembic is imported only for an older database,
so that neither a new node nor an up-to-date one waits for it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    insert,
    inspect,
    select,
)

from tidegate.db.engine import Database
from tidegate.kernel.errors import ConflictError

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).parent / "migrations"

_AT = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""The table in which Alembic notes a database's revision, as it makes it itself."""


class SchemaBehindError(ConflictError):
    """The database has an older or newer schema than this version of Tidegate."""


def newest_revision() -> str:
    """Return the revision this version works with: the last file of the history, by name."""
    return max(path.stem.split("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))


def current_revision(database: Database) -> str | None:
    """Return the revision the database is at; None for an empty one."""
    with database.reading() as connection:
        if not inspect(connection).has_table(_AT.name):
            return None
        return connection.execute(select(_AT.c.version_num)).scalar()


def check_current(database: Database) -> None:
    """Raise SchemaBehindError unless the database is at this version's schema."""
    current = current_revision(database)
    if current != newest_revision():
        raise SchemaBehindError(
            f"The database is at schema {current or 'none'}, this version needs"
            f" {newest_revision()}; back it up, then run `tidegate migrate --home HOME`."
        )


def upgrade(database: Database) -> str:
    """Bring to the newest schema; return its revision. Does nothing when it is there already."""
    current = current_revision(database)
    if current != newest_revision():
        with database.migrating() as connection:
            if current is None:
                _create(connection)
            else:
                migrate(connection)
    return newest_revision()


def _create(connection: Connection) -> None:
    """Make the newest schema in an empty database; in one with tables of such names it raises."""
    from tidegate.db.schema import METADATA  # noqa: PLC0415 - every table, needed only here

    METADATA.create_all(connection, checkfirst=False)
    _AT.create(connection, checkfirst=False)
    connection.execute(insert(_AT).values(version_num=newest_revision()))


def migrate(connection: Connection, revision: str = "head") -> None:
    """Run the migrations that an older or empty database lacks, in turn, up to `revision`."""
    from alembic import command  # noqa: PLC0415 - 0.7 s to import, needed only here

    command.upgrade(config(connection), revision)


def config(connection: Connection) -> "Config":
    """Return Alembic's configuration over an open connection."""
    from alembic.config import Config  # noqa: PLC0415 - 0.7 s to import, needed only here

    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.attributes["connection"] = connection
    return made
