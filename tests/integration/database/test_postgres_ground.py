"""The journal keeps the same promises on PostgreSQL, by URL alone."""

import threading

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from lib.ground import make_ground
from lib.postgres import running_postgres
from tidegate.db.schema import METADATA
from tidegate.db.tables.audit import audit_leaf
from tidegate.kernel.errors import InvalidError


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
