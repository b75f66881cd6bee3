"""Evidence appends against the same without evidence: same fsync, writers and group commit.

`python bench/evidence.py` writes var/bench/evidence.json. The peer of a leaf alone is a bare SQLite
insert: the same threads take the same turns on one connection (WAL, synchronous=FULL), insert one
row of the same size with sqlite3 itself, and the first to wait commits for all. The peer of a row
with its leaf is that row written through the same engine without a journal. Ours and the peer
alternate in short rounds within one run; reported are the medians of both, and as ratio the median
of the ratios of each pair of rounds, since a disk that others use is slow for seconds at a time.
"""

import json
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src")]

from sqlalchemy import insert  # noqa: E402 - after the path is set

from tidegate.audit.journal import Journal  # noqa: E402
from tidegate.audit.ledger import sign_growth  # noqa: E402
from tidegate.db.engine import Database  # noqa: E402
from tidegate.db.schema import METADATA  # noqa: E402
from tidegate.db.tables.work import work_task  # noqa: E402
from tidegate.kernel.clock import SystemClock  # noqa: E402
from tidegate.kernel.ids import RandomIds  # noqa: E402

ROUNDS = 31
APPENDS = 256  # a round, over all writers
WARMING = 4  # rounds until the write-ahead logs of both go round, as in a node that runs
GOAL = 0.5
BODY = json.dumps(
    {
        "at": "2026-03-02T08:00:00.000Z", "by": "person:per_01jabcdefghijklmnopqrstuvw",
        "did": "query.released", "log": "did:web:localhost%3A7001", "n": 17, "prev": "0" * 64,
        "to": "query:q_01jabcdefghijklmnopqrstuvw", "why": {"rows": 17549, "cells": 12},
    }
)  # fmt: skip
ROOM_ROW = {
    "handler": "x", "lane": "", "payload": BODY, "state": "waiting",
    "queued_at": "", "due_at": "", "attempts": 0, "due_after": 0.0,
}  # fmt: skip
_ROW = ("query:q", 17, "2026-03-02T08:00:00.000Z", "person:per_x", "query.released", BODY, "0" * 64)
_INSERT = (
    "INSERT INTO leaf (position, subject, number, at, actor, event, body, hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_TABLE = (
    "CREATE TABLE leaf (position INTEGER PRIMARY KEY, subject TEXT, number INTEGER, at TEXT,"
    " actor TEXT, event TEXT, body TEXT, hash TEXT)"
)


class _Group:
    def __init__(self) -> None:
        self.size = 0
        self.latch = threading.Lock()
        self.latch.acquire()


class Bare:
    """Group commit over bare sqlite3: turns, one leader, one fsync for everybody who joined."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(_TABLE)
        self._turn, self._leading = threading.Lock(), threading.Lock()
        self._group = _Group()
        self._is_open = False
        self._position = 0

    def append(self, _writer: int, _number: int) -> None:
        """Insert and return when it is durable."""
        with self._turn:
            if not self._is_open:
                self._connection.execute("BEGIN IMMEDIATE")
                self._is_open = True
            group = self._group
            is_leader, group.size = group.size == 0, group.size + 1
            self._connection.execute(_INSERT, (self._position, *_ROW))
            self._position += 1
        if not is_leader:
            group.latch.acquire()
            group.latch.release()
            return
        with self._leading, self._turn:
            self._connection.execute("COMMIT")
            self._is_open, self._group = False, _Group()
            group.latch.release()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Unrecorded:
    """A node's database without its journal: rows of rooms, and no evidence of them."""

    def __init__(self, path: Path) -> None:
        self._database = Database(f"sqlite:///{path}")
        with self._database.migrating() as connection:
            METADATA.create_all(connection)

    def append(self, _writer: int, _number: int) -> None:
        """Write one row of a room and return when it is durable."""
        writer = self._database.writer
        with writer.turn() as (connection, group), writer.block():
            connection.execute(insert(work_task), ROOM_ROW)
        writer.settle(group)

    def close(self) -> None:
        """Close the database."""
        self._database.close()


class Ours:
    """The journal of a node, on a database of its own."""

    def __init__(self, path: Path) -> None:
        self.database = Database(f"sqlite:///{path}")
        with self.database.migrating() as connection:
            METADATA.create_all(connection)
        events = {"query.released": None}
        self.journal = Journal(
            self.database, SystemClock(), RandomIds(), log="did:web:localhost%3A7001", events=events
        )

    def note(self, writer: int, number: int) -> None:
        """Leave one leaf."""
        self.journal.note(
            by="person:per_01jabcdefghijklmnopqrstuvw",
            did="query.released",
            to=f"query:q_01jabcdefghijklmnopq{writer:03d}{number % 50:03d}",
            why={"rows": 17549, "cells": 12},
        )

    def write(self, writer: int, number: int) -> None:
        """Leave one leaf and one row of a room."""
        with self.journal.write(
            by="person:per_01jabcdefghijklmnopqrstuvw",
            did="query.released",
            to=f"query:q_01jabcdefghijklmnopq{writer:03d}{number % 50:03d}",
            why={"rows": 17549, "cells": 12},
        ) as tx:
            tx.connection.execute(insert(work_task), ROOM_ROW)

    def close(self) -> None:
        """Close the database."""
        self.database.close()


def run(act: Callable[[int, int], None], writers: int) -> float:
    """Return appends a second of `writers` threads."""
    gate = threading.Barrier(writers + 1)

    def work(writer: int) -> None:
        gate.wait()
        for number in range(APPENDS // writers):
            act(writer, number)

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    gate.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    return APPENDS // writers * writers / (time.perf_counter() - began)


def compare(folder: Path, act: str, writers: int) -> dict[str, object]:
    """Measure ours and the peer in turn."""
    ours = Ours(folder / "ours.db")
    bare = (Bare if act == "note" else Unrecorded)(folder / "bare.db")
    mine, peers = [], []
    for number in range(WARMING + ROUNDS):
        one, other = run(getattr(ours, act), writers), run(bare.append, writers)
        if number >= WARMING:
            mine.append(one)
            peers.append(other)
    ours.close()
    bare.close()
    what = {
        "note": "append a leaf, against a bare insert",
        "write": "write a row with its leaf, against the row alone",
    }[act]
    return line(
        f"{what}; {writers} writer{'s' * (writers > 1)}",
        statistics.median(mine),
        statistics.median(peers),
        "appends/s",
        GOAL,
        ratio=statistics.median(one / other for one, other in zip(mine, peers, strict=True)),
    )


def checkpointing(folder: Path, leaves: int = 10_000) -> dict[str, object]:
    """Measure a checkpoint after one more leaf against hashing the whole log again."""
    ours = Ours(folder / "log.db")
    run(ours.note, 8)
    for _ in range(leaves // APPENDS - 1):
        run(ours.note, 8)

    def checkpoint() -> float:
        began = time.perf_counter()
        with ours.journal.upkeep() as tx:
            sign_growth(tx.connection, "x", lambda _: bytes(64), at=tx.at, by="bench")
        return time.perf_counter() - began

    whole = checkpoint()
    samples = []
    for number in range(8):
        ours.note(0, number)
        samples.append(checkpoint())
    ours.close()
    again = statistics.median(samples)
    return line(
        f"checkpoint after one leaf in a log of {leaves}", 1 / again, 1 / whole, "checkpoints/s", 2
    )


def line(
    measure: str, ours: float, peer: float, unit: str, goal: float, *, ratio: float = 0.0
) -> dict[str, object]:
    """Return one line of the result; the ratio is that of the two figures unless it is given."""
    ratio = ratio or ours / peer
    return {
        "measure": measure, "ours": round(ours, 1), "peer": round(peer, 1),
        "ratio": round(ratio, 3), "unit": unit, "goal": goal, "met": ratio >= goal,
    }  # fmt: skip


def main() -> None:
    """Run the measures and write them down."""
    target = ROOT / "var" / "bench" / "evidence.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    results = []
    for act in ("note", "write"):
        for writers in (1, 8, 32):
            with tempfile.TemporaryDirectory(dir=ROOT / "var") as folder:
                results.append(compare(Path(folder), act, writers))
                print(results[-1])
    with tempfile.TemporaryDirectory(dir=ROOT / "var") as folder:
        results.append(checkpointing(Path(folder)))
        print(results[-1])
    target.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
