"""The Merkle tree agrees with RFC 6962's well-known vectors and with a naive twin."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.audit import merkle
from tidegate.audit.errors import ProofInvalidError

# The eight leaves, roots and proofs of the Certificate Transparency reference test suite.
LEAVES = tuple(
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
)  # fmt: skip
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
INCLUSION = {
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
}
CONSISTENCY = {
    (1, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}
GOLDEN = merkle.Tree(map(merkle.hash_leaf, LEAVES))


def hashes(size):
    return [merkle.hash_leaf(str(number).encode()) for number in range(size)]


def naive_root(leaf_hashes):
    """RFC 6962 §2.1, word for word."""
    if not leaf_hashes:
        return hashlib.sha256(b"").digest()
    if len(leaf_hashes) == 1:
        return leaf_hashes[0]
    k = 1
    while k * 2 < len(leaf_hashes):
        k *= 2
    return hashlib.sha256(
        b"\x01" + naive_root(leaf_hashes[:k]) + naive_root(leaf_hashes[k:])
    ).digest()


def naive_path(m, leaf_hashes):
    """RFC 6962 §2.1.1, word for word."""
    if len(leaf_hashes) == 1:
        return ()
    k = 1
    while k * 2 < len(leaf_hashes):
        k *= 2
    if m < k:
        return (*naive_path(m, leaf_hashes[:k]), naive_root(leaf_hashes[k:]))
    return (*naive_path(m - k, leaf_hashes[k:]), naive_root(leaf_hashes[:k]))


def naive_subproof(m, leaf_hashes, *, whole):
    """RFC 6962 §2.1.2, word for word."""
    n = len(leaf_hashes)
    if m == n:
        return () if whole else (naive_root(leaf_hashes),)
    k = 1
    while k * 2 < n:
        k *= 2
    if m <= k:
        return (*naive_subproof(m, leaf_hashes[:k], whole=whole), naive_root(leaf_hashes[k:]))
    return (*naive_subproof(m - k, leaf_hashes[k:], whole=False), naive_root(leaf_hashes[:k]))


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_known_ones(size):
    assert ROOTS[size] == GOLDEN.root(size).hex()


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_paths_are_the_known_ones(index, size):
    path = merkle.inclusion_path(GOLDEN.node, index, size)

    assert INCLUSION[index, size] == tuple(step.hex() for step in path)


@pytest.mark.parametrize(("first", "second"), CONSISTENCY)
def test_consistency_paths_are_the_known_ones(first, second):
    path = merkle.consistency_path(GOLDEN.node, first, second)

    assert CONSISTENCY[first, second] == tuple(step.hex() for step in path)


@given(st.integers(0, 70), st.data())
def test_roots_agree_with_the_naive_twin(size, data):
    part = data.draw(st.integers(0, size))

    assert naive_root(hashes(part)) == merkle.Tree(hashes(size)).root(part)


@given(st.integers(1, 70), st.data())
def test_inclusion_agrees_with_the_naive_twin_and_verifies(size, data):
    index, tree = data.draw(st.integers(0, size - 1)), merkle.Tree(hashes(size))

    path = merkle.inclusion_path(tree.node, index, size)

    assert naive_path(index, hashes(size)) == path
    merkle.check_inclusion(hashes(size)[index], index, size, path, tree.root())


@given(st.integers(1, 70), st.data())
def test_consistency_agrees_with_the_naive_twin_and_verifies(second, data):
    first, tree = data.draw(st.integers(1, second)), merkle.Tree(hashes(second))

    path = merkle.consistency_path(tree.node, first, second)

    assert naive_subproof(first, hashes(second), whole=True) == path
    merkle.check_consistency(first, second, tree.root(first), tree.root(), path)


@settings(max_examples=200)
@given(st.integers(1, 40), st.data())
def test_a_spoilt_inclusion_proof_is_refused(size, data):
    index, tree = data.draw(st.integers(0, size - 1)), merkle.Tree(hashes(size))
    path = merkle.inclusion_path(tree.node, index, size)
    spoilt = data.draw(st.sampled_from(["leaf", "index", "longer", "shorter", "root", "step"]))
    leaf, root = hashes(size)[index], tree.root()
    if spoilt == "leaf":
        leaf = bytes(32)
    elif spoilt == "index":
        index = data.draw(st.integers(-1, size + 1).filter(lambda other: other != index))
    elif spoilt == "longer":
        path = (*path, bytes(32))
    elif spoilt == "shorter" and path:
        path = path[1:]
    elif spoilt == "step" and path:
        path = (bytes(32), *path[1:])
    else:
        root = bytes(32)

    with pytest.raises(ProofInvalidError):
        merkle.check_inclusion(leaf, index, size, path, root)


@settings(max_examples=200)
@given(st.integers(2, 40), st.data())
def test_a_spoilt_consistency_proof_is_refused(second, data):
    first, tree = data.draw(st.integers(1, second - 1)), merkle.Tree(hashes(second))
    path = merkle.consistency_path(tree.node, first, second)
    older, newer = tree.root(first), tree.root()
    spoilt = data.draw(st.sampled_from(["older", "newer", "longer", "shorter", "step"]))
    if spoilt == "older":
        older = bytes(32)
    elif spoilt == "newer":
        newer = bytes(32)
    elif spoilt == "longer":
        path = (*path, bytes(32))
    elif spoilt == "shorter":
        path = path[1:]
    else:
        path = (bytes(32), *path[1:])

    with pytest.raises(ProofInvalidError):
        merkle.check_consistency(first, second, older, newer, path)


def test_the_empty_log_is_a_prefix_of_every_log():
    merkle.check_consistency(0, 3, merkle.EMPTY_ROOT, merkle.Tree(hashes(3)).root(), ())


def test_a_log_cannot_shrink():
    with pytest.raises(ProofInvalidError, match="cannot continue"):
        merkle.check_consistency(3, 2, bytes(32), bytes(32), ())


def test_two_roots_of_one_size_are_a_fork():
    with pytest.raises(ProofInvalidError, match="same size differ"):
        merkle.check_consistency(3, 3, bytes(32), bytes(31) + b"\x01", ())


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_path_is_made_for_a_leaf_that_is_not_there(index, size):
    with pytest.raises(ProofInvalidError, match="no leaf"):
        merkle.inclusion_path(merkle.Tree(hashes(3)).node, index, size)


def test_no_path_is_made_from_a_longer_log_to_a_shorter():
    with pytest.raises(ProofInvalidError, match="no prefix"):
        merkle.consistency_path(merkle.Tree(hashes(3)).node, 3, 2)
