"""Evidence on a full disk: SQLite itself refuses, nothing half is written, all goes on after."""

import pytest
from sqlalchemy import insert, select, text

from lib.ground import make_ground
from tidegate.audit.store import list_leaves
from tidegate.db.tables.partners import MEMBER
from tidegate.kernel.errors import UnavailableError


@pytest.fixture
def ground(tmp_path):
    ground = make_ground(tmp_path)
    yield ground
    ground.close()


def put(ground, key, body="{}"):
    with ground.journal.write(by="x", did="dataset.described", to=f"dataset:{key}") as tx:
        row = {"id": key, "state": "active", "body": body}
        tx.connection.execute(insert(MEMBER), row)


def rows(ground):
    return ground.journal.read(lambda conn: list(conn.execute(select(MEMBER.c.id)).scalars()))


def limit(ground, pages):
    """Have SQLite hold the database to so many pages: it says that the disk is full, as it does."""
    with ground.journal.upkeep() as tx:
        tx.connection.execute(text(f"PRAGMA max_page_count={pages}"))


def fill(ground, size):
    for n in range(10_000):
        put(ground, f"more_{n}", "x" * size)


def fail_with_the_whole_transaction(ground):
    """Have a block fail as one does whose disk fails: SQLite undoes everything by itself."""
    with ground.journal.write(by="x", did="dataset.described", to="dataset:second") as tx:
        tx.connection.connection.cursor().execute("ROLLBACK")
        raise RuntimeError("the disk failed")


def leaves(ground):
    found = ground.journal.read(list_leaves, None, 500, "")
    assert [one.position for one in found] == list(range(len(found)))[::-1]
    return [one.entry.to for one in found][::-1]


@pytest.mark.parametrize("size", [10, 4_000_000])
def test_a_write_that_finds_no_room_happens_not_at_all_and_the_next_does(ground, size):
    put(ground, "one")
    before = leaves(ground)
    limit(ground, 1)  # as many as it has

    with pytest.raises(UnavailableError, match="check the disk") as refused:
        fill(ground, max(size, 2000))

    assert "evidence_unwritable" == refused.value.code
    written = [one for one in rows(ground) if one.startswith("more_")]
    assert [f"dataset:{one}" for one in ("one", *sorted(written, key=lambda m: int(m[5:])))] == [
        one for one in leaves(ground) if one.startswith("dataset:")
    ]
    assert before == leaves(ground)[: len(before)]
    limit(ground, 1_000_000)
    put(ground, "after")
    assert "dataset:after" == leaves(ground)[-1]
    assert "after" in rows(ground)


def test_when_the_whole_transaction_is_undone_nobody_of_its_group_is_told_it_was_written(ground):
    put(ground, "before")
    journal, writer = ground.journal, ground.database.writer
    first = journal.write(by="x", did="dataset.described", to="dataset:first")
    settle, settled = writer.settle, []
    writer.settle = settled.append  # the first waits with its commit, as in a busy group
    with first as tx:
        tx.connection.execute(insert(MEMBER), {"id": "first", "state": "active", "body": "{}"})
    writer.settle = settle

    with pytest.raises(RuntimeError, match="the disk failed"):
        fail_with_the_whole_transaction(ground)
    with pytest.raises(UnavailableError, match="did not happen"):
        settle(settled[0])

    assert ["before"] == rows(ground)
    assert ["dataset:before"] == leaves(ground)
    put(ground, "after")
    assert ["before", "after"] == sorted(rows(ground), reverse=True)
    assert ["dataset:before", "dataset:after"] == leaves(ground)
