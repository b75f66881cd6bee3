"""Reading a node's whole log again, for the examiner: chains, roots, heads, signatures."""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection

from tidegate.audit import store
from tidegate.audit.checkpoint import Checkpoint, heads_tree
from tidegate.audit.ledger import prove_inclusion
from tidegate.audit.merkle import Tree, tree_root
from tidegate.audit.model import NO_PREVIOUS, leaf_hash, read_leaf
from tidegate.kernel.errors import CorruptError

Heads = dict[str, tuple[int, str]]

_DO = (
    " Stop the node, keep this database as it is for an inquiry, and restore the newest backup"
    " whose evidence verifies."
)


class LogBrokenError(CorruptError):
    """The stored log contradicts itself or its signed checkpoints."""


def check_log(conn: Connection) -> str:
    """Hash every leaf again and hold chains and checkpoints against it; say what was found.

    Raises LogBrokenError naming the first leaf or checkpoint that does not fit.
    """
    points = [signed.checkpoint for signed in store.list_checkpoints(conn)]
    size = store.count_leaves(conn)
    by_size = {point.size: point for point in points}
    hashes: list[bytes] = []
    heads: Heads = {}
    for position, digest in enumerate(_walk(conn, size, heads)):
        hashes.append(digest)
        if position + 1 in by_size:
            _check_heads(by_size[position + 1], heads)
    if len(hashes) != size:
        raise LogBrokenError(f"{size - len(hashes)} leaves of the log are missing.{_DO}")
    _check_roots(points, Tree(hashes), size)
    if points:
        prove_inclusion(conn, points[-1].size - 1)
    return (
        f"{size} leaves about {len(heads)} subjects hang together;"
        f" {len(points)} checkpoints, {size - (points[-1].size if points else 0)} leaves since"
    )


def check_signatures(conn: Connection, public: bytes, did: str) -> str:
    """Check that this node's key signed every checkpoint, each naming the one before."""
    before, signed = "", store.list_checkpoints(conn)
    for one in signed:
        one.check(public)
        if one.checkpoint.previous != before or one.checkpoint.log != did:
            raise LogBrokenError(
                f"Checkpoint {one.checkpoint.number} does not follow the one before.{_DO}"
            )
        before = one.checkpoint.sha256
    return f"{len(signed)} checkpoints, each signed by this node and naming the one before"


def last_moment(conn: Connection) -> str:
    """Return when the newest leaf was written, or nothing."""
    newest = store.list_leaves(conn, None, 1)
    return newest[0].entry.at if newest else ""


def is_locked(path: Path) -> bool:
    """Tell whether a process holds the lock file, without taking the lock (Linux: proc(5))."""
    if not path.exists():
        return False
    inode = str(path.stat().st_ino)
    lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    return any(line.split()[5].rpartition(":")[2] == inode for line in lines if "FLOCK" in line)


def _walk(conn: Connection, size: int, heads: Heads) -> Iterator[bytes]:
    """Yield each leaf's hash, following every subject's chain in `heads`."""
    for position, text in enumerate(store.each_leaf(conn, size)):
        entry, digest = read_leaf(text.encode()), leaf_hash(text.encode())
        number, previous = heads.get(entry.to, (0, NO_PREVIOUS))
        if (entry.number, entry.previous) != (number + 1, previous):
            raise LogBrokenError(
                f"Leaf {position} does not follow the one before about its subject.{_DO}"
            )
        heads[entry.to] = (entry.number, digest)
        yield bytes.fromhex(digest)


def _check_heads(point: Checkpoint, heads: Heads) -> None:
    tree = heads_tree((subject, *head) for subject, head in heads.items())
    if (tree.root().hex(), len(tree)) != (point.heads, point.subjects):
        raise LogBrokenError(f"Checkpoint {point.number} names other chains than the log.{_DO}")


def _check_roots(points: list[Checkpoint], tree: Tree, size: int) -> None:
    for point in points:
        if point.size > size or tree_root(tree.node, point.size).hex() != point.root:
            raise LogBrokenError(
                f"Checkpoint {point.number} over {point.size} leaves does not fit the log.{_DO}"
            )
