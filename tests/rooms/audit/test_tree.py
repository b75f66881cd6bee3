"""The tree in the database gives the same roots and proofs as one in memory, at any size."""

import pytest
from sqlalchemy import create_engine, insert

from tidegate.audit.merkle import Tree, consistency_path, hash_leaf, inclusion_path, tree_root
from tidegate.audit.tree import StoredTree
from tidegate.db.tables.audit import audit_leaf, audit_node

SIZE = 256 * 256 + 300  # two stored levels, and a rest
HASHES = [hash_leaf(str(number).encode()) for number in range(SIZE)]
WHOLE = Tree(HASHES)


@pytest.fixture(scope="module")
def connection():
    engine = create_engine("sqlite://")
    with engine.begin() as opened:
        audit_leaf.create(opened)
        audit_node.create(opened)
        row = {"number": 1, "at": "", "actor": "", "event": "", "body": ""}
        rows = [
            {**row, "position": place, "subject": str(place), "hash": digest.hex()}
            for place, digest in enumerate(HASHES)
        ]
        opened.execute(insert(audit_leaf), rows)
        for size in (100, 256, 700, 30_000, SIZE):
            StoredTree(opened).grow(size)
        yield opened
    engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_535, 65_536, SIZE])
def test_roots_agree(connection, size):
    assert WHOLE.root(size) == tree_root(StoredTree(connection).node, size)


@pytest.mark.parametrize("index", [0, 255, 256, 40_000, 65_536, SIZE - 1])
def test_inclusion_paths_agree(connection, index):
    stored = StoredTree(connection)

    assert inclusion_path(WHOLE.node, index, SIZE) == inclusion_path(stored.node, index, SIZE)


@pytest.mark.parametrize("first", [1, 256, 1_000, 65_536, SIZE])
def test_consistency_paths_agree(connection, first):
    stored = StoredTree(connection)

    assert consistency_path(WHOLE.node, first, SIZE) == consistency_path(stored.node, first, SIZE)
