"""The growing end of the log: its size, and the head of every subject's chain."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy.engine.interfaces import DBAPICursor as Cursor

from tidegate.audit.model import NO_PREVIOUS, leaf_hash, write_leaf

_REMEMBERED = 50_000  # heads kept in memory; forgetting one costs a query, never correctness
_LAST = "SELECT position, hash FROM audit_leaf ORDER BY position DESC LIMIT 1"
_HEAD = "SELECT number, hash FROM audit_leaf WHERE subject = ? ORDER BY number DESC LIMIT 1"
_ADD = (
    "INSERT INTO audit_leaf (position, subject, number, at, actor, event, body, hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


Row = tuple[int, str, int, str, str, str, str, str]


class Act(NamedTuple):
    """What a leaf will say, before it has its place in the log; reasons are canonical JSON."""

    by: str
    did: str
    to: str
    why: str
    premis: str | None
    files: str = "{}"


class Growth(NamedTuple):
    """Leaves that have their places and hashes, ready to be accepted."""

    rows: list[Row]
    heads: dict[str, tuple[int, str]]


class Chain:
    """Knows where the next leaf goes. Used under the writer's turn only.

    Its SQL goes straight through the driver: it runs for every commit, and all writers wait for it.
    """

    def __init__(self, log: str, *, mark: str) -> None:
        """Continue the chains of `log`; `mark` is how the driver marks a parameter."""
        self._log = log
        self._find_head, self._add = _HEAD.replace("?", mark), _ADD.replace("?", mark)
        self._size = -1
        self._tip = ""
        self._heads: dict[str, tuple[int, str]] = {}

    def refresh(self, cursor: Cursor) -> None:
        """Learn what another process appended since this one last wrote.

        Size and newest hash are both compared: after a commit that failed here, another process
        may have appended just as many leaves as were lost.
        """
        cursor.execute(_LAST)
        last = cursor.fetchone()
        size, tip = (last[0] + 1, last[1]) if last else (0, "")
        if (size, tip) != (self._size, self._tip) or len(self._heads) > _REMEMBERED:
            self._heads.clear()
        self._size, self._tip = size, tip

    def forget(self) -> None:
        """Drop what was assumed; the next refresh reads it anew."""
        self._size = -1
        self._heads.clear()

    def place(self, cursor: Cursor, acts: Iterable[Act], at: str) -> Growth:
        """Give each act its place; nothing is remembered until the growth is accepted."""
        rows: list[Row] = []
        heads: dict[str, tuple[int, str]] = {}
        for act in acts:
            head = heads.get(act.to) or self._heads.get(act.to) or self._stored(cursor, act.to)
            number = head[0] + 1
            leaf = write_leaf(
                self._log,
                at,
                act.by,
                act.did,
                act.to,
                number,
                head[1],
                act.why,
                act.premis,
                act.files,
            )
            digest = leaf_hash(leaf)
            heads[act.to] = (number, digest)
            position = self._size + len(rows)
            rows.append((position, act.to, number, at, act.by, act.did, leaf.decode(), digest))
        return Growth(rows, heads)

    def accept(self, growth: Growth) -> None:
        """Count the growth in: the block that made it has ended well."""
        self._size += len(growth.rows)
        self._tip = growth.rows[-1][-1]
        self._heads.update(growth.heads)

    def write(self, cursor: Cursor, rows: list[Row]) -> None:
        """Write the leaves of a whole group of writes by one statement."""
        cursor.executemany(self._add, rows)

    def _stored(self, cursor: Cursor, subject: str) -> tuple[int, str]:
        cursor.execute(self._find_head, (subject,))
        return cursor.fetchone() or (0, NO_PREVIOUS)
