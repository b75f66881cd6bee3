"""Rows, leaf and messages stand or fall together, and nothing is written around the journal."""
# ruff: noqa: PT012 - a block that raises on its last line is what these tests are about

import json
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from tidegate.audit.errors import EventUnknownError, UngovernedWriteError
from tidegate.audit.journal import LARGEST_REASONS
from tidegate.audit.model import leaf_hash, read_leaf
from tidegate.db.tables.audit import audit_attachment, audit_leaf, audit_seen
from tidegate.db.tables.work import work_task
from tidegate.kernel.errors import ConflictError, InvalidError, UnavailableError
from tidegate.kernel.failpoint import arm, disarm

BY = "person:per_ada"


def leaves(ground):
    with ground.journal.reading() as connection:
        rows = connection.execute(select(audit_leaf).order_by(audit_leaf.c.position)).all()
    return [(row, read_leaf(row.body.encode())) for row in rows]


def queue(connection, name="x"):
    values = {"handler": name, "lane": "", "payload": "{}", "state": "waiting"}
    stamps = {"queued_at": "2026-01-01T00:00:00.000Z", "due_at": "2026-01-01T00:00:00.000Z"}
    connection.execute(insert(work_task), {**values, **stamps})


def write(ground, to="version:v1", did="dataset.stored", **why):
    with ground.journal.write(by=BY, did=did, to=to, why=why) as tx:
        queue(tx.connection)


def test_a_write_leaves_its_leaf(ground):
    write(ground, did="dataset.acquired", rows=3)

    [(row, entry)] = leaves(ground)
    assert (0, leaf_hash(row.body.encode())) == (row.position, row.hash)
    assert (
        entry.by, entry.did, entry.to, entry.why, entry.premis,
    ) == (BY, "dataset.acquired", "version:v1", {"rows": 3}, "ing")  # fmt: skip


def test_a_failed_write_leaves_nothing(ground):
    with (
        pytest.raises(ZeroDivisionError),
        ground.journal.write(by=BY, did="dataset.stored", to="version:v1") as tx,
    ):
        queue(tx.connection)
        raise ZeroDivisionError

    assert (leaves(ground), ground.tasks()) == ([], [])


def test_a_failed_write_does_not_take_its_neighbours_along(ground):
    inside, outside = threading.Event(), threading.Event()

    def first():
        with ground.journal.write(by=BY, did="dataset.stored", to="version:v1") as tx:
            queue(tx.connection, "kept")
            inside.set()
            outside.wait(30)

    def second():
        with (
            pytest.raises(ZeroDivisionError),
            ground.journal.write(by=BY, did="dataset.stored", to="version:v2") as tx,
        ):
            queue(tx.connection, "undone")
            raise ZeroDivisionError

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    inside.wait(30)
    threads[1].start()
    outside.set()
    for thread in threads:
        thread.join(30)

    assert ground.tasks() == [("kept", {})]
    assert [entry.to for _, entry in leaves(ground)] == ["version:v1"]


def test_a_block_whose_leaf_cannot_be_written_down_is_undone(ground):
    with (
        pytest.raises(InvalidError),
        ground.journal.write(by=BY, did="dataset.stored", to="v", why={"share": 0.5}) as tx,
    ):
        queue(tx.connection)

    assert (leaves(ground), ground.tasks()) == ([], [])


def test_each_subject_has_its_own_chain(ground):
    for subject in ("version:a", "version:b", "version:a"):
        write(ground, to=subject)

    (first, _), (_, other), (_, second) = leaves(ground)
    assert (other.number, other.previous) == (1, "")
    assert (2, first.hash) == (second.number, second.previous)


def test_notes_of_one_write_are_leaves_in_the_same_commit(ground):
    with ground.journal.write(by=BY, did="dataset.stored", to="version:a") as tx:
        tx.note(did="dataset.stored", to="version:b")
        tx.note(did="dataset.stored", to="version:a")

    assert [(entry.to, entry.number) for _, entry in leaves(ground)] == [
        ("version:a", 1),
        ("version:b", 1),
        ("version:a", 2),
    ]


def test_a_note_with_an_undeclared_event_undoes_the_write(ground):
    with (
        pytest.raises(EventUnknownError),
        ground.journal.write(by=BY, did="dataset.stored", to="version:a") as tx,
    ):
        queue(tx.connection)
        tx.note(did="dataset.improvised", to="version:b")

    assert (leaves(ground), ground.tasks()) == ([], [])


def test_an_attached_document_is_named_by_its_leaf(ground):
    with ground.journal.write(by=BY, did="dataset.stored", to="version:a") as tx:
        digest = tx.attach("text/plain", b"a receipt")
        tx.attach("text/plain", b"a receipt")

    [(_, entry)] = leaves(ground)
    assert {digest: "text/plain"} == entry.files


def test_undeclared_events_are_refused(ground):
    with pytest.raises(EventUnknownError):
        ground.journal.note(by=BY, did="dataset.improvised", to="version:v1")
    with pytest.raises(EventUnknownError):
        ground.journal.write(by=BY, did="dataset.improvised", to="version:v1").__enter__()


def test_writes_do_not_nest(ground):
    with (
        pytest.raises(ConflictError),
        ground.journal.write(by=BY, did="dataset.stored", to="version:v1"),
    ):
        write(ground)


def test_a_write_without_its_reason_is_not_python(ground):
    with pytest.raises(TypeError):
        ground.journal.write(by=BY)


@pytest.mark.parametrize(
    "statement",
    [
        insert(work_task).values(handler="x"),
        delete(work_task),
        update(audit_leaf).values(actor="x"),
    ],
)
def test_a_reading_connection_writes_nothing(ground, statement):
    with pytest.raises(SQLAlchemyError), ground.journal.reading() as connection:
        connection.execute(statement)


def test_upkeep_writes_only_tables_marked_for_it(ground):
    with pytest.raises(UngovernedWriteError, match="audit_seen"), ground.journal.upkeep() as tx:
        tx.connection.execute(update(audit_seen).values(body="x"))


def test_upkeep_leaves_no_evidence(ground):
    with pytest.raises(InvalidError, match="no evidence"), ground.journal.upkeep() as tx:
        tx.note(did="dataset.stored", to="version:v1")


def test_upkeep_cannot_hide_a_write_in_a_reading_statement(ground):
    hidden = delete(audit_seen).returning(audit_seen.c.log).cte()

    with pytest.raises(UngovernedWriteError), ground.journal.upkeep() as tx:
        tx.connection.execute(select(hidden))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE work_task SET state = 'x'",
        "WITH x AS (SELECT 1) DELETE FROM audit_leaf",
        "PRAGMA writable_schema=1; DROP TABLE audit_leaf",
    ],
)
def test_writes_in_plain_text_are_refused(ground, statement):
    with (
        pytest.raises(UngovernedWriteError),
        ground.journal.write(by=BY, did="dataset.stored", to="version:v1") as tx,
    ):
        tx.connection.execute(text(statement))
    with pytest.raises(UngovernedWriteError), ground.journal.upkeep() as tx:
        tx.connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    "statement",
    [
        insert(audit_leaf).values(position=9, subject="x", number=1),
        update(audit_leaf).values(actor="x"),
        delete(audit_leaf),
        update(audit_attachment).values(media_type="x"),
        delete(audit_attachment),
    ],
)
def test_even_a_write_cannot_touch_the_evidence(ground, statement):
    with (
        pytest.raises(UngovernedWriteError),
        ground.journal.write(by=BY, did="dataset.stored", to="version:v1") as tx,
    ):
        tx.connection.execute(statement)


def test_a_connection_kept_after_its_write_writes_nothing(ground):
    with ground.journal.write(by=BY, did="dataset.stored", to="version:v1") as tx:
        kept = tx.connection

    with pytest.raises(UngovernedWriteError):
        queue(kept)
    kept.rollback()


def test_no_log_no_data(ground):
    write(ground)
    with ground.database.migrating() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full_disk BEFORE INSERT ON audit_leaf"
            " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )

    with pytest.raises(UnavailableError) as caught:
        write(ground)

    assert caught.value.code == "evidence_unwritable"
    assert (len(leaves(ground)), len(ground.tasks())) == (1, 1)


def test_after_a_failed_commit_the_chain_goes_on_from_what_is_stored(ground):
    def fail():
        disarm()
        raise SQLAlchemyError("no space")

    write(ground)
    arm("journal.leaves_written", fail)

    with pytest.raises(UnavailableError):
        write(ground)
    write(ground)

    assert [entry.number for _, entry in leaves(ground)] == [1, 2]
    assert len(ground.tasks()) == 2


def test_tasks_are_announced_after_the_commit(ground):
    seen = []
    ground.journal.on_tasks = lambda: seen.append(len(ground.tasks()))

    with ground.journal.write(by=BY, did="dataset.stored", to="version:v1") as tx:
        tx.send(to="did:web:x", kind="hello", body={"n": 1})

    assert seen == [1]
    [(handler, payload)] = ground.tasks()
    assert (handler, json.loads(payload["body"])) == ("peer.send", {"n": 1})


@pytest.mark.slow
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["write", "note", "fail", "many"]),
            st.sampled_from(["version:a", "version:b", "agreement:c"]),
        ),
        max_size=8,
    )
)
def test_the_journal_agrees_with_a_list(ground, steps):
    known = [(entry.to, entry.number, entry.previous) for _, entry in leaves(ground)]
    heads = {entry.to: (entry.number, row.hash) for row, entry in leaves(ground)}
    twin = list(known)
    for act, subject in steps:
        if act == "note":
            ground.journal.note(by=BY, did="dataset.stored", to=subject)
        elif act == "fail":
            with (
                pytest.raises(ZeroDivisionError),
                ground.journal.write(by=BY, did="dataset.stored", to=subject),
            ):
                raise ZeroDivisionError
        else:
            with ground.journal.write(by=BY, did="dataset.stored", to=subject) as tx:
                if act == "many":
                    tx.note(did="dataset.stored", to=subject)
        for _ in range({"fail": 0, "many": 2}.get(act, 1)):
            number, previous = heads.get(subject, (0, ""))
            twin.append((subject, number + 1, previous))
            row = leaves(ground)[len(twin) - 1][0]
            heads[subject] = (number + 1, row.hash)

    assert twin == [(entry.to, entry.number, entry.previous) for _, entry in leaves(ground)]


def test_reasons_too_long_to_be_kept_for_ever_are_refused_with_the_act(ground):
    with pytest.raises(InvalidError, match="shorter"):
        write(ground, reason="x" * LARGEST_REASONS)
    with pytest.raises(InvalidError, match="shorter"):
        ground.journal.note(by=BY, did="dataset.stored", to="v:1", why={"r": "x" * LARGEST_REASONS})

    assert (leaves(ground), ground.tasks()) == ([], [])
