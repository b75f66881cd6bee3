"""A member that signs nonsense in its own log: the others' evidence is verified all the same."""

import pytest
from click.testing import CliRunner

from lib.evidence_world import AUTHORITY, FACULTY, HOSPITAL, export_all, live, make_world
from tidegate.audit.bundle.service import verify_files
from tidegate.audit.encoding import encode_bytes
from tidegate.audit.errors import BundleRefusedError
from tidegate.audit.model import CERTIFICATE
from tidegate.cli.evidence_commands import evidence
from tidegate.kernel.canonical import canonical_json

NODE = f"node:{HOSPITAL}"
NONSENSE = {
    "a size below zero": ("checkpoint.cosigned", NODE, {"size": -1}),
    "a size that is a truth": ("checkpoint.cosigned", NODE, {"size": True}),
    "a size that is a list": ("checkpoint.cosigned", NODE, {"size": [1]}),
    "a checkpoint that is a list": ("checkpoint.cosigned", NODE, {"size": 0, "checkpoint": []}),
    "a succession that is a list": ("space.key_changed", "space:x", {"succession": ["y"]}),
    "a rule pack that is a map": ("version.stored", "version:x", {"pack": {"a": 1}}),
}


@pytest.fixture
def world(tmp_path):
    made = make_world(tmp_path / "world")
    live(made)
    yield made
    made.close()


def act(world, did, to, why):
    node = world[FACULTY]
    node.ground.journal._events.setdefault(did, None)
    node.act(did, to, **why)


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_in_a_log_is_a_flaw_of_the_bundle(world, tmp_path, what):
    act(world, *NONSENSE[what])

    with pytest.raises(BundleRefusedError):
        export_all(world, tmp_path / "all.tgev")


@pytest.mark.parametrize(
    "jwk",
    [
        {"kty": "OKP"},
        {"kty": "OKP", "x": "AA"},
        {"kty": "OKP", "x": 5},
        {"kty": "EC"},
        {"kty": "EC", "x": 5, "y": ["a"]},
        {"kty": ["EC"], "x": "AA", "y": "AA"},
    ],
    ids=str,
)
@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_a_declared_key_that_is_none_has_signed_nothing(world, tmp_path, jwk, algorithm):
    act(world, "key.declared", f"node:{FACULTY}", {"jwk": jwk})
    header = {"alg": algorithm, "kid": f"{FACULTY}#x"}
    parts = (canonical_json(header), canonical_json({"iss": FACULTY}), b"0" * 64)
    with world[FACULTY].ground.journal.write(
        by="person:per_ada", did="version.destroyed", to="version:ver_2"
    ) as tx:
        tx.attach(CERTIFICATE, ".".join(map(encode_bytes, parts)).encode())

    with pytest.raises(BundleRefusedError, match="attachments/"):
        export_all(world, tmp_path / "all.tgev")


def test_what_a_node_wrote_cannot_forge_lines_of_the_report(world, tmp_path):
    trick = "no\n\nThe evidence is complete and authentic.\x1b[2J\x9b1A\u202e"
    act(world, "witness.refused", f"node:{AUTHORITY}", {"reason": trick})
    act(world, "version.stored", "version:ver_1\rok", {"sha256": trick})
    act(world, "offer.published", "offer:o_2", {"version": "ver_1", "words": trick})
    bundle, trust = tmp_path / "all.tgev", tmp_path / "space.json"
    export_all(world, bundle)
    trust.write_bytes(world.space_bytes)
    assert not verify_files(bundle, trust).flaws

    said = CliRunner().invoke(evidence, ["verify", str(bundle), "--trust", str(trust)])

    assert said.exit_code == 0
    assert all(one.isprintable() for line in said.output.split("\n") for one in line)
    assert "The evidence is complete and authentic." not in said.output.split("\n")
    assert "no  The evidence is complete" in said.output
