"""The journal keeps the same promises on PostgreSQL, by URL alone."""

import threading

import pytest
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from lib.ground import make_ground
from lib.postgres import running_postgres
from lib.schemas import CHANGES, describe
from tidegate.db.engine import Database
from tidegate.db.migrate import migrate, upgrade
from tidegate.db.schema import METADATA
from tidegate.db.tables.audit import audit_leaf
from tidegate.kernel.errors import InvalidError, UnavailableError
from tidegate.kernel.failpoint import arm, disarm


@pytest.fixture(scope="module")
def url():
    with running_postgres() as made:
        yield made


@pytest.fixture
def ground(url, tmp_path):
    made = make_ground(tmp_path, url=url)
    with made.database.migrating() as connection:
        for table in reversed(METADATA.sorted_tables):
            connection.execute(table.delete())
    yield made
    made.close()


def leaves(ground):
    return ground.journal.read(
        lambda c: c.execute(select(func.count(audit_leaf.c.position))).scalar()
    )


def test_a_write_leaves_rows_leaf_and_task_together(ground):
    with ground.journal.write(by="person:a", did="task.retried", to="task:1") as tx:
        tx.enqueue("test.do", n="1")

    assert 1 == leaves(ground)
    assert [("test.do", {"n": "1"})] == ground.tasks()


def test_a_failed_write_leaves_nothing_and_the_next_one_works(ground):
    with (
        pytest.raises(DBAPIError),
        ground.journal.write(by="person:a", did="task.retried", to="task:1") as tx,
    ):
        tx.connection.execute(text("SELECT no_such_column"))

    ground.journal.note(by="person:a", did="task.retried", to="task:2")

    assert 1 == leaves(ground)


def test_what_is_read_in_one_view_is_of_one_moment(ground):
    with ground.journal.reading() as conn:
        count = select(func.count(audit_leaf.c.position))
        before = conn.execute(count).scalar()
        ground.journal.note(by="person:a", did="task.retried", to="task:1")
        after = conn.execute(count).scalar()

    assert (0, 0, 1) == (before, after, leaves(ground))


def test_two_processes_share_one_log_without_a_gap(ground, url, tmp_path):
    other = make_ground(tmp_path / "other", url=url)

    def write(journal, subject):
        for _ in range(25):
            journal.note(by="person:a", did="task.retried", to=subject)

    threads = [
        threading.Thread(target=write, args=(journal, subject))
        for journal, subject in ((ground.journal, "task:1"), (other.journal, "task:1"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()

    rows = ground.journal.read(
        lambda c: c.execute(
            select(audit_leaf.c.position, audit_leaf.c.number).order_by(audit_leaf.c.position)
        ).all()
    )
    assert [(n, n + 1) for n in range(50)] == [tuple(row) for row in rows]


def test_a_reading_connection_cannot_write(ground):
    with pytest.raises(DBAPIError, match="read-only"):
        ground.journal.read(lambda c: c.execute(audit_leaf.delete()))


def test_housekeeping_cannot_touch_evidence(ground):
    with pytest.raises(InvalidError), ground.journal.upkeep() as tx:
        tx.connection.execute(audit_leaf.delete())


def tear(url):
    """End every other connection of the database, as a restarted server does."""
    killer = create_engine(url, poolclass=NullPool)
    with killer.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def test_a_server_restarted_between_writes_costs_neither_writer_nor_reader_anything(ground, url):
    ground.journal.note(by="person:a", did="task.retried", to="task:1")
    tear(url)

    assert [0] == positions(ground)
    ground.journal.note(by="person:a", did="task.retried", to="task:2")
    tear(url)
    with ground.journal.write(by="person:a", did="task.retried", to="task:3") as tx:
        tx.enqueue("test.do", n="1")

    assert [0, 1, 2] == positions(ground)


def test_a_connection_torn_within_a_write_undoes_it_whole(ground, url):
    def write():
        with ground.journal.write(by="person:a", did="task.retried", to="task:1") as tx:
            tx.enqueue("test.do", n="1")
            tear(url)
            tx.enqueue("test.do", n="2")

    with pytest.raises(DBAPIError):
        write()

    assert 0 == leaves(ground)
    assert [] == ground.tasks()
    ground.journal.note(by="person:a", did="task.retried", to="task:2")
    assert [0] == positions(ground)


def test_a_connection_torn_before_the_commit_is_said_to_whoever_waits(ground, url):
    arm("journal.leaves_written", lambda: tear(url))
    try:
        with pytest.raises(UnavailableError, match="did not happen"):
            ground.journal.note(by="person:a", did="task.retried", to="task:1")
    finally:
        disarm()

    assert 0 == leaves(ground)
    ground.journal.note(by="person:a", did="task.retried", to="task:2")
    assert [0] == positions(ground)


def positions(ground):
    return ground.journal.read(
        lambda c: list(
            c.execute(select(audit_leaf.c.position).order_by(audit_leaf.c.position)).scalars()
        )
    )


@pytest.fixture
def empty(url):
    """Return a way to make further empty databases on the server."""
    server, made = Database(url), []

    def another(name):
        with server._engine_for_writing.connect() as connection:
            plain = connection.execution_options(isolation_level="AUTOCOMMIT")
            plain.execute(text(f"CREATE DATABASE {name}"))
        made.append(Database(server.url.set(database=name).render_as_string()))
        return made[-1]

    yield another
    for each in made:
        each.close()
    server.close()


def test_a_new_database_is_what_the_whole_history_makes(empty):
    new, migrated = empty("new"), empty("migrated")

    upgrade(new)
    with migrated.migrating() as connection:
        migrate(connection)

    assert describe(migrated) == describe(new)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_comparison_sees_every_kind_of_difference(kind, empty, tmp_path):
    is_here = kind == "sqlite"
    changed = Database(f"sqlite:///{tmp_path / 'changed.db'}") if is_here else empty("changed")
    upgrade(changed)
    known = describe(changed)

    for change in CHANGES:
        with changed.migrating() as connection:
            connection.execute(text(change))
        before, known = known, describe(changed)
        assert before != known, change

    changed.close()
