"""Proofs and checkpoints out of the stored log, on one open connection."""

from collections.abc import Callable

from sqlalchemy import Connection

from tidegate.audit import store
from tidegate.audit.checkpoint import (
    Checkpoint,
    SignedCheckpoint,
    head_leaf,
    heads_tree,
    sign_checkpoint,
)
from tidegate.audit.errors import LeafNotFoundError
from tidegate.audit.merkle import (
    check_inclusion,
    consistency_path,
    hash_leaf,
    inclusion_path,
    tree_root,
)
from tidegate.audit.model import InclusionProof
from tidegate.audit.tree import StoredTree


def prove_inclusion(conn: Connection, position: int) -> InclusionProof:
    """Prove that a leaf stands under the newest checkpoint.

    Raises LeafNotFoundError where the log has no such leaf or no checkpoint covers it yet.
    """
    leaf = store.find_leaf(conn, position)
    if leaf is None:
        raise LeafNotFoundError(f"The log has no leaf {position}.", position=str(position))
    signed = store.find_latest_checkpoint(conn)
    if signed is None or position >= signed.checkpoint.size:
        raise LeafNotFoundError(
            "This leaf is newer than the newest checkpoint; ask again after the next one.",
            code="checkpoint_pending",
            position=str(position),
        )
    point = signed.checkpoint
    path = inclusion_path(StoredTree(conn).node, position, point.size)
    digest, root = bytes.fromhex(leaf.hash), bytes.fromhex(point.root)
    check_inclusion(digest, position, point.size, path, root)
    return _proof(position, point.size, digest, path, root, signed)


def prove_head(conn: Connection, subject: str) -> InclusionProof:
    """Prove where a subject's chain ends, under the newest checkpoint's tree of heads."""
    signed = store.find_latest_checkpoint(conn)
    ordered = sorted(store.list_heads(conn), key=lambda head: head[0].encode())
    place = next((i for i, head in enumerate(ordered) if head[0] == subject), None)
    if signed is None or place is None:
        raise LeafNotFoundError("No checkpoint covers this subject yet.", subject=subject)
    tree, root = heads_tree(ordered), bytes.fromhex(signed.checkpoint.heads)
    digest = hash_leaf(head_leaf(*ordered[place]))
    path = inclusion_path(tree.node, place, len(tree))
    check_inclusion(digest, place, len(tree), path, root)
    return _proof(place, len(tree), digest, path, root, signed)


def prove_consistency(conn: Connection, first: int, second: int) -> tuple[str, ...]:
    """Prove that the log of `second` leaves continues the log of `first`."""
    latest = store.find_latest_checkpoint(conn)
    if latest is None or not 0 <= first <= second <= latest.checkpoint.size:
        raise LeafNotFoundError(
            "No checkpoint is as long as that; ask for sizes up to that of the newest.",
            first=str(first),
            second=str(second),
        )
    return tuple(step.hex() for step in consistency_path(StoredTree(conn).node, first, second))


def sign_growth(
    conn: Connection, log: str, sign: Callable[[bytes], bytes], *, at: str, by: str
) -> SignedCheckpoint:
    """Sign the committed log, or return the newest checkpoint if nothing was added since.

    Only what is new since the last checkpoint is hashed into the tree.
    """
    latest = store.find_latest_checkpoint(conn)
    old = latest.checkpoint if latest else None
    size = store.count_leaves(conn)
    if latest is not None and latest.checkpoint.size == size:
        return latest
    tree = StoredTree(conn)
    tree.grow(size)
    store.advance_heads(conn, old.size if old else 0, size)
    heads = heads_tree(store.list_heads(conn))
    point = Checkpoint(
        log=log,
        number=old.number + 1 if old else 1,
        size=size,
        root=tree_root(tree.node, size).hex(),
        heads=heads.root().hex(),
        subjects=len(heads),
        previous=old.sha256 if old else "",
        at=at,
    )
    signed = sign_checkpoint(point, sign)
    store.add_checkpoint(conn, signed, by)
    return signed


def _proof(
    place: int, size: int, digest: bytes, path: tuple[bytes, ...], root: bytes,
    signed: SignedCheckpoint,
) -> InclusionProof:  # fmt: skip
    point = signed.checkpoint
    steps = tuple(step.hex() for step in path)
    return InclusionProof(place, size, digest.hex(), steps, root.hex(), point.number, point.at)
