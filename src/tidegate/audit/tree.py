"""The log's Merkle tree as the database keeps it.

Level 0 are the hashes of the leaves; above it only every eighth level is stored, one row for 256
below, so that the tree costs 0.4 % of the log, a checkpoint hashes only what is new, and a proof
reads a few hundred hashes from a log of any size.
"""

from sqlalchemy import Connection, func, insert, select

from tidegate.audit.merkle import hash_row
from tidegate.db.tables.audit import audit_leaf, audit_node

STRIDE = 8
_WIDTH = 1 << STRIDE


class StoredTree:
    """Reads subtree hashes out of an open connection, and grows them. A `NodeReader`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[int, int], bytes] = {}

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of the complete subtree `index` of 2**`level` leaves."""
        place = (level, index)
        if place not in self._known:
            above = level % STRIDE
            row = self._row(level - above, index << above, (index + 1) << above)
            self._known[place] = hash_row(row)
        return self._known[place]

    def grow(self, size: int) -> None:
        """Store the complete rows of 256 that the first `size` leaves have made since last time."""
        level, count = 0, size
        while count >= _WIDTH:
            upper = level + STRIDE
            stored = self._connection.execute(
                select(func.count()).select_from(audit_node).where(audit_node.c.level == upper)
            ).scalar_one()
            count >>= STRIDE
            rows = [
                {"level": upper, "position": index, "hash": self._complete(level, index).hex()}
                for index in range(stored, count)
            ]
            if rows:
                self._connection.execute(insert(audit_node), rows)
            level = upper

    def _complete(self, level: int, index: int) -> bytes:
        return hash_row(self._row(level, index << STRIDE, (index + 1) << STRIDE))

    def _row(self, level: int, start: int, stop: int) -> list[bytes]:
        if level == 0:
            query = select(audit_leaf.c.hash).where(
                audit_leaf.c.position >= start, audit_leaf.c.position < stop
            )
            rows = self._connection.execute(query.order_by(audit_leaf.c.position)).scalars()
        else:
            query = select(audit_node.c.hash).where(
                audit_node.c.level == level,
                audit_node.c.position >= start,
                audit_node.c.position < stop,
            )
            rows = self._connection.execute(query.order_by(audit_node.c.position)).scalars()
        return [bytes.fromhex(text) for text in rows]
