"""The history of the schema leads to exactly the tables the rooms declare."""

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from lib.schemas import describe
from tidegate.db.engine import Database
from tidegate.db.migrate import (
    SchemaBehindError,
    check_current,
    current_revision,
    migrate,
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


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """Return a database made by running every migration in turn."""
    made = Database(f"sqlite:///{tmp_path_factory.mktemp('migrated') / 'node.db'}")
    with made.migrating() as connection:
        migrate(connection)
    yield made
    made.close()


def test_the_migrated_schema_is_the_declared_one(migrated):
    with migrated.migrating() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), METADATA)

    assert [] == difference


def test_a_new_database_is_what_the_whole_history_makes(database, migrated):
    upgrade(database)

    assert describe(migrated) == describe(database)


def test_an_older_database_is_brought_to_what_a_new_one_is(database, tmp_path):
    older = Database(f"sqlite:///{tmp_path / 'older.db'}")
    with older.migrating() as connection:
        migrate(connection, "0001")
    with pytest.raises(SchemaBehindError):
        check_current(older)

    upgrade(older)
    upgrade(database)

    assert describe(database) == describe(older)
    older.close()


def test_a_database_of_something_else_is_not_taken_over(database):
    with database.migrating() as connection:
        connection.execute(text("CREATE TABLE work_task (theirs INTEGER)"))

    with pytest.raises(OperationalError, match="already exists"):
        upgrade(database)

    assert current_revision(database) is None


def test_a_new_database_needs_no_alembic(tmp_path):
    code = (
        "import sys; from tidegate.db.engine import Database; from tidegate.db.migrate import *;"
        "upgrade(Database(sys.argv[1])); print('alembic' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, f"sqlite:///{tmp_path / 'node.db'}"],
        capture_output=True, check=True, text=True,
    )  # fmt: skip

    assert "False" == answer.stdout.strip()


def test_a_database_of_another_version_is_refused_with_the_command_that_helps(database):
    upgrade(database)
    with database.migrating() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    with pytest.raises(SchemaBehindError, match="tidegate migrate"):
        check_current(database)


def test_what_was_set_for_a_dataset_id_is_kept_for_the_peers_known_to_have_it(tmp_path):
    older = Database(f"sqlite:///{tmp_path / 'older.db'}")
    with older.migrating() as connection:
        migrate(connection, "0016")
        for table in ("connector_strategy", "connector_script"):
            for subject in ("ds_1", "offer_1", "unknown"):
                connection.execute(
                    text(f"INSERT INTO {table} VALUES (:subject, '{{}}', 'person:x', '2026')"),
                    {"subject": subject},
                )
        for peer, dataset in (("did:a", "ds_1"), ("did:b", "ds_1"), ("did:b", "ds_2")):
            connection.execute(
                text(
                    "INSERT INTO catalogue_harvested VALUES (:p, :d, '2026', NULL, 1, '{}', '{}')"
                ),
                {"p": peer, "d": dataset},
            )
    upgrade(older)

    with older.reading() as connection:
        strategies, scripts = (
            sorted(connection.execute(text(f"SELECT subject FROM {table}")).scalars())
            for table in ("connector_strategy", "connector_script")
        )
    assert ["did:a#ds_1", "did:b#ds_1", "offer_1", "unknown"] == strategies
    assert ["did:a#ds_1", "did:b#ds_1", "ds_1", "offer_1", "unknown"] == scripts
    older.close()
