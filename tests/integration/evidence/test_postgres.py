"""The journal keeps its promises on PostgreSQL too, with two processes' worth of writers."""
# ruff: noqa: PT012, SIM117 - a block that raises on its last line is what these tests are about

import threading

import pytest
from sqlalchemy import insert, select, update

from lib.ground import ManualClock
from lib.postgres import running_postgres
from tidegate.audit.errors import UngovernedWriteError
from tidegate.audit.journal import Journal
from tidegate.audit.ledger import prove_inclusion, sign_growth
from tidegate.audit.model import leaf_hash, read_leaf
from tidegate.db.engine import Database
from tidegate.db.schema import METADATA
from tidegate.db.tables.audit import audit_leaf
from tidegate.db.tables.work import work_task
from tidegate.kernel.ids import RandomIds

LOG = "did:web:localhost%3A7001"


@pytest.fixture(scope="module")
def url():
    with running_postgres() as address:
        database = Database(address)
        with database.migrating() as connection:
            METADATA.create_all(connection)
        database.close()
        yield address


@pytest.fixture
def journals(url):
    """Two journals on two databases objects, as two processes would have them."""
    databases = [Database(url), Database(url)]
    yield [
        Journal(each, ManualClock(), RandomIds(), log=LOG, events={"dataset.stored": None})
        for each in databases
    ]
    for each in databases:
        each.close()


def rows_of(journal):
    with journal.reading() as connection:
        return connection.execute(select(audit_leaf).order_by(audit_leaf.c.position)).all()


def test_two_processes_share_one_log(journals):
    def work(journal):
        for number in range(25):
            if number % 2:
                journal.note(by="x", did="dataset.stored", to="dataset:shared")
            else:
                with journal.write(by="x", did="dataset.stored", to="dataset:shared"):
                    pass

    before = len(rows_of(journals[0]))
    threads = [threading.Thread(target=work, args=(journals[n % 2],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    heads = {}
    rows = rows_of(journals[0])
    for position, row in enumerate(rows):
        entry = read_leaf(row.body.encode())
        assert heads.get(entry.to, (0, "")) == (entry.number - 1, entry.previous)
        assert (position, row.hash) == (row.position, leaf_hash(row.body.encode()))
        heads[entry.to] = (entry.number, row.hash)
    assert before + 100 == len(rows)


def test_a_failed_block_leaves_nothing(journals):
    before = len(rows_of(journals[0]))

    with pytest.raises(ZeroDivisionError):
        with journals[0].write(by="x", did="dataset.stored", to="dataset:a") as tx:
            tx.connection.execute(insert(work_task), _task())
            raise ZeroDivisionError

    assert before == len(rows_of(journals[0]))


def test_the_guard_stands_here_too(journals):
    with pytest.raises(UngovernedWriteError):
        with journals[0].write(by="x", did="dataset.stored", to="dataset:a") as tx:
            tx.connection.execute(update(audit_leaf).values(actor="eve"))


def test_a_reading_connection_writes_nothing(journals):
    from sqlalchemy.exc import SQLAlchemyError

    with pytest.raises(SQLAlchemyError), journals[0].reading() as connection:
        connection.execute(insert(work_task), _task())


def test_checkpoints_and_proofs_hold(journals):
    journals[0].note(by="x", did="dataset.stored", to="dataset:b")
    with journals[0].upkeep() as tx:
        signed = sign_growth(tx.connection, LOG, lambda _: bytes(64), at=tx.at, by="x")

    proof = journals[1].read(prove_inclusion, signed.checkpoint.size - 1)

    assert signed.checkpoint.root == proof.root


def _task():
    stamps = {"queued_at": "", "due_at": "", "attempts": 0, "due_after": 0.0}
    return {"handler": "x", "lane": "", "payload": "{}", "state": "waiting", **stamps}
