"""The history of the schema leads to exactly the tables the rooms declare."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from tidegate.db.engine import Database
from tidegate.db.migrate import (
    SchemaBehindError,
    check_current,
    current_revision,
    newest_revision,
    upgrade,
)
from tidegate.db.schema import METADATA


@pytest.fixture
def database(tmp_path):
    made = Database(f"sqlite:///{tmp_path / 'node.db'}")
    yield made
    made.close()


def test_an_empty_database_is_brought_to_the_newest_schema(database):
    assert current_revision(database) is None

    upgrade(database)

    assert newest_revision() == current_revision(database)
    check_current(database)


def test_upgrading_twice_changes_nothing(database):
    upgrade(database)

    assert newest_revision() == upgrade(database)


def test_the_migrated_schema_is_the_declared_one(database):
    upgrade(database)

    with database.migrating() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), METADATA)

    assert [] == difference


def test_a_database_of_another_version_is_refused_with_the_command_that_helps(database):
    upgrade(database)
    with database.migrating() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    with pytest.raises(SchemaBehindError, match="tidegate migrate"):
        check_current(database)
