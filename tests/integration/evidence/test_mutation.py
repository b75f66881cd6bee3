"""Whatever is changed in a bundle, its verification fails and names the member."""

import io
import itertools
import json
import random
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lib.evidence_world import (
    AUTHORITY,
    FACULTY,
    HOSPITAL,
    credential,
    export_all,
    live,
    make_world,
)
from tidegate.audit.bundle import layout
from tidegate.audit.bundle.container import CONTAINER, Opened, pack, unpack
from tidegate.audit.bundle.verify import verify_bundle, verify_members
from tidegate.audit.checkpoint import sign_checkpoint, sign_statement
from tidegate.audit.encoding import encode_bytes
from tidegate.audit.errors import EvidenceMalformedError
from tidegate.audit.merkle import Tree, consistency_path, hash_leaf
from tidegate.audit.model import read_leaf
from tidegate.audit.trust import read_space_file
from tidegate.kernel.canonical import canonical_json, sha256_hex

POSITIONS = 200


@dataclass
class Exported:
    """A finished bundle, its members, and the world whose keys an attacker may hold."""

    world: object
    path: Path
    members: dict

    def verify(self, members):
        return verify_members(Opened(members, ()), self.world.trust)

    def keys(self, did):
        return self.world[did].ground.keys

    def resealed(self, members, did=AUTHORITY):
        """Recompute the manifest and sign it with a node's own key, as its operator could."""
        manifest = layout.read_manifest(self.members[layout.MANIFEST])
        forged = replace(manifest, exporter=did, members=layout.list_members(members))
        sign = self.keys(did).sign_evidence
        signature = encode_bytes(sign(forged.canonical())).encode()
        return {**members, layout.MANIFEST: forged.canonical(), layout.SIGNATURE: signature}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    home = tmp_path_factory.mktemp("world")
    world = make_world(home)
    live(world)
    path = export_all(world, home / "evidence.zip")
    yield Exported(world, path, dict(unpack(path).members))
    world.close()


def named(report):
    assert 1 == report.exit_code
    return {flaw.member for flaw in report.flaws}


def test_the_bundle_itself_is_verified(exported):
    report = verify_bundle(exported.path, exported.world.trust)

    assert (0, "verified", ()) == (report.exit_code, report.verdict, report.flaws)


def test_without_a_trust_file_nothing_is_authenticated(exported):
    report = verify_bundle(exported.path, None)

    assert (2, "consistent, but unauthenticated") == (report.exit_code, report.verdict)


def test_every_changed_byte_of_every_member_is_found(exported):
    dice = random.Random(20260322)
    for name, content in exported.members.items():
        for _ in range(POSITIONS):
            place = dice.randrange(len(content))
            changed = bytearray(content)
            changed[place] ^= dice.randrange(1, 256)

            report = exported.verify({**exported.members, name: bytes(changed)})

            assert name in named(report), (name, place)


def test_every_changed_byte_of_every_member_in_the_file_is_found(exported, tmp_path):
    data, dice, path = exported.path.read_bytes(), random.Random(7), tmp_path / "changed.zip"
    with zipfile.ZipFile(exported.path) as container:
        infos = container.infolist()
    for info in infos:
        start = info.header_offset
        for _ in range(12):
            place = start + dice.randrange(30 + len(info.filename) + info.file_size)
            path.write_bytes(_flipped(data, place, dice))

            assert info.filename in named(verify_bundle(path, exported.world.trust)), place


def test_every_changed_byte_of_the_directory_is_found(exported, tmp_path):
    data, dice, path = exported.path.read_bytes(), random.Random(8), tmp_path / "changed.zip"
    with zipfile.ZipFile(exported.path) as container:
        start = container.start_dir
    for _ in range(POSITIONS):
        path.write_bytes(_flipped(data, dice.randrange(start, len(data)), dice))

        assert named(verify_bundle(path, exported.world.trust))


def _flipped(data, place, dice):
    changed = bytearray(data)
    changed[place] ^= dice.randrange(1, 256)
    return bytes(changed)


def test_every_removed_member_is_named(exported):
    for name in exported.members:
        left = {other: body for other, body in exported.members.items() if other != name}

        assert name in named(exported.verify(left))


def test_every_two_swapped_members_are_named(exported):
    names = sorted(exported.members)
    for one, other in itertools.pairwise(names):
        swapped = {**exported.members, one: exported.members[other], other: exported.members[one]}

        found = named(exported.verify(swapped))

        assert found & {one, other}


def test_an_added_member_is_named(exported):
    added = {**exported.members, "nodes/extra.txt": b"hello"}

    assert {"nodes/extra.txt"} == named(exported.verify(added))
    assert {"nodes/extra.txt"} == named(exported.verify(exported.resealed(added)))


@pytest.mark.parametrize("end", ["cut", "longer", "comment", "empty", "text"])
def test_a_file_cut_or_grown_is_found(exported, tmp_path, end):
    data, path = exported.path.read_bytes(), tmp_path / "changed.zip"
    changed = {"cut": data[:-9], "longer": data + b"x", "empty": b"", "text": b"no zip at all"}
    path.write_bytes(changed.get(end, data))
    if end == "comment":
        with zipfile.ZipFile(path, "a") as container:
            container.comment = b"hi"

    assert named(verify_bundle(path, exported.world.trust))


def test_a_duplicate_member_is_named(exported, tmp_path):
    path = tmp_path / "twice.zip"
    path.write_bytes(exported.path.read_bytes())
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as container:
        container.writestr(layout.SPACE, exported.members[layout.SPACE])

    assert layout.SPACE in named(verify_bundle(path, exported.world.trust))


def test_a_compressed_bundle_is_refused(exported, tmp_path):
    path = tmp_path / "compressed.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as container:
        for name, content in exported.members.items():
            container.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)

    assert layout.MANIFEST in named(verify_bundle(path, exported.world.trust))


def test_a_zip_bomb_is_refused_unopened(exported, tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as container:
        for number in range(3):
            container.writestr(f"nodes/{number}", bytes(1 << 25))

    assert {CONTAINER} == named(verify_bundle(path, exported.world.trust))


def test_an_honestly_repacked_container_is_the_same_bytes(exported):
    buffer = io.BytesIO()
    with zipfile.ZipFile(exported.path) as old, zipfile.ZipFile(buffer, "w") as new:
        for info in old.infolist():
            new.writestr(info, old.read(info))

    assert exported.path.read_bytes() == buffer.getvalue() == pack(exported.members)


# -- attacks by whoever exported: the manifest is made anew and signed with that node's own key


def lines_of(exported, member):
    return list(layout.read_lines(exported.members[member]))


def rebuilt_log(exported, did, leaves):
    """Sign a rewritten log anew with its own node's key: one fresh checkpoint over everything."""
    hashes = [hash_leaf(leaf) for leaf in leaves]
    tree = Tree(hashes)
    old = [
        layout.read_checkpoint_line(line)
        for line in lines_of(exported, layout.checkpoints_member(did))
    ]
    heads = {}
    for leaf, digest in zip(leaves, hashes, strict=True):
        entry = read_leaf(leaf)
        heads[entry.to] = (entry.to, entry.number, digest.hex())
    from tidegate.audit.checkpoint import heads_tree

    top = heads_tree(heads.values())
    point = replace(
        old[0].signed.checkpoint, number=1, size=len(leaves), root=tree.root().hex(),
        heads=top.root().hex(), subjects=len(top), previous="",
    )  # fmt: skip
    signed = sign_checkpoint(point, exported.keys(did).sign_evidence)
    line = layout.CheckpointLine(signed, consistency_path(tree.node, 0, len(leaves)))
    return {
        **exported.members,
        layout.log_member(did): layout.write_lines(leaves),
        layout.checkpoints_member(did): layout.write_lines([line.canonical()]),
    }


def renumbered(leaves):
    """Make the chains of a rewritten log fit again."""
    heads, made = {}, []
    for leaf in leaves:
        entry = read_leaf(leaf)
        number, previous = heads.get(entry.to, (0, ""))
        text = replace(entry, number=number + 1, previous=previous).canonical()
        heads[entry.to] = (number + 1, hash_leaf(text).hex())
        made.append(text)
    return made


def rewrite(leaf, **changes):
    return replace(read_leaf(leaf), **changes).canonical()


@pytest.mark.parametrize("did", [AUTHORITY, FACULTY, HOSPITAL])
@pytest.mark.parametrize("act", ["drop", "reorder", "rewrite", "repeat"])
def test_leaves_spoilt_under_the_old_checkpoints_are_found(exported, did, act):
    member = layout.log_member(did)
    leaves = lines_of(exported, member)
    for place in range(len(leaves) - 1):
        spoilt = list(leaves)
        if act == "drop":
            del spoilt[place]
        elif act == "reorder":
            spoilt[place], spoilt[place + 1] = spoilt[place + 1], spoilt[place]
        elif act == "rewrite":
            spoilt[place] = rewrite(leaves[place], by="person:per_eve")
        else:
            spoilt.insert(place, leaves[place])
        changed = {**exported.members, member: layout.write_lines(spoilt)}

        found = named(exported.verify(exported.resealed(changed, did)))

        assert found & {member, layout.checkpoints_member(did)}


@pytest.mark.parametrize("did", [AUTHORITY, FACULTY, HOSPITAL])
def test_a_witnessed_log_cannot_be_rewritten_even_with_its_own_key(exported, did):
    leaves = lines_of(exported, layout.log_member(did))
    leaves[0] = rewrite(leaves[0], by="person:per_eve")

    changed = rebuilt_log(exported, did, renumbered(leaves))

    found = named(exported.verify(exported.resealed(changed, did)))
    assert layout.log_member(did) in found


@pytest.mark.parametrize("did", [AUTHORITY, FACULTY, HOSPITAL])
def test_a_dropped_leaf_is_found_even_if_its_node_signs_anew(exported, did):
    leaves = lines_of(exported, layout.log_member(did))
    del leaves[0]

    changed = rebuilt_log(exported, did, renumbered(leaves))

    assert layout.log_member(did) in named(exported.verify(exported.resealed(changed, did)))


@pytest.mark.parametrize("did", [AUTHORITY, FACULTY, HOSPITAL])
def test_a_dropped_tail_is_found_even_with_its_cosignatures_gone(exported, did):
    leaves = lines_of(exported, layout.log_member(did))[:2]

    changed = rebuilt_log(exported, did, leaves)
    changed[layout.witnesses_member(did)] = b""

    report = exported.verify(exported.resealed(changed, did))
    assert layout.log_member(did) in named(report)
    assert any("witnessed" in flaw.problem for flaw in report.flaws)


def test_an_old_checkpoint_is_named_as_such(exported):
    member = layout.checkpoints_member(HOSPITAL)
    changed = {**exported.members, member: layout.write_lines(lines_of(exported, member)[:-1])}

    report = exported.verify(exported.resealed(changed))

    assert {member} == named(report)
    assert "old one" in report.flaws[0].problem


@pytest.mark.parametrize("place", [0, 1])
def test_a_dropped_checkpoint_is_found(exported, place):
    member = layout.checkpoints_member(HOSPITAL)
    lines = lines_of(exported, member)
    del lines[place]

    report = exported.verify(
        exported.resealed({**exported.members, member: layout.write_lines(lines)})
    )

    assert member in named(report)


def test_a_spoilt_consistency_proof_is_found(exported):
    member = layout.checkpoints_member(HOSPITAL)
    lines = lines_of(exported, member)
    line = layout.read_checkpoint_line(lines[1])
    lines[1] = replace(line, proof=(bytes(32), *line.proof[1:])).canonical()

    report = exported.verify(
        exported.resealed({**exported.members, member: layout.write_lines(lines)})
    )

    assert {member} == named(report)


@pytest.mark.parametrize("forger", [AUTHORITY, FACULTY])
def test_a_forged_cosignature_is_found(exported, forger):
    member = layout.witnesses_member(HOSPITAL)
    cosigned = layout.read_witness_line(lines_of(exported, member)[0])
    other = replace(cosigned.statement, at="2026-03-02T23:00:00.000Z")
    forged = sign_statement(other, exported.keys(forger).sign_evidence)
    lines = [canonical_json(forged.to_json()), *lines_of(exported, member)[1:]]

    report = exported.verify(
        exported.resealed({**exported.members, member: layout.write_lines(lines)})
    )

    assert {member} == named(report)


def test_dropped_and_repeated_cosignatures_are_found(exported):
    member = layout.witnesses_member(FACULTY)
    lines = lines_of(exported, member)
    for changed in (lines[1:], [*lines, lines[0]], []):
        members = {**exported.members, member: layout.write_lines(changed)}

        assert {member} == named(exported.verify(exported.resealed(members)))


def test_a_credential_the_authority_did_not_sign_is_found(exported):
    member, eve = layout.credential_member(HOSPITAL), exported.keys(FACULTY)
    forged = credential(HOSPITAL, eve.evidence_public, eve)
    changed = {**exported.members, member: forged.encode()}

    assert member in named(exported.verify(exported.resealed(changed)))


def test_the_credential_of_another_is_found(exported):
    one, other = layout.credential_member(HOSPITAL), layout.credential_member(FACULTY)
    changed = {**exported.members, one: exported.members[other]}

    assert one in named(exported.verify(exported.resealed(changed)))


def test_a_credential_by_another_issuer_is_found(exported):
    member = layout.credential_member(HOSPITAL)
    keys = exported.keys(HOSPITAL).evidence_public
    forged = credential(HOSPITAL, keys, exported.keys(AUTHORITY), issuer=FACULTY)
    changed = {**exported.members, member: forged.encode()}

    assert member in named(exported.verify(exported.resealed(changed)))


def test_a_manifest_signed_by_a_stranger_is_found(exported, tmp_path):
    manifest = layout.read_manifest(exported.members[layout.MANIFEST])
    stranger = replace(manifest, exporter="did:web:stranger").canonical()
    signature = encode_bytes(exported.keys(FACULTY).sign_evidence(stranger)).encode()
    changed = {**exported.members, layout.MANIFEST: stranger, layout.SIGNATURE: signature}

    assert {layout.MANIFEST} == named(exported.verify(changed))


def test_a_whole_log_left_out_is_found_by_what_refers_to_it(exported):
    folder = f"nodes/{layout.folder_of(HOSPITAL)}/"
    left = {name: body for name, body in exported.members.items() if not name.startswith(folder)}

    found = named(exported.verify(exported.resealed(left)))

    assert {layout.log_member(HOSPITAL)} <= found


@pytest.mark.parametrize("act", ["remove", "replace"])
def test_documents_the_evidence_refers_to_cannot_be_missing_or_changed(exported, act):
    for name in [n for n in exported.members if n.startswith(layout.ATTACHMENTS)]:
        changed = dict(exported.members)
        if act == "remove":
            del changed[name]
        else:
            changed[name] = b"another document"

        assert name in named(exported.verify(exported.resealed(changed)))


def test_a_rule_pack_cannot_be_missing_or_changed(exported):
    [name] = [n for n in exported.members if n.startswith(layout.RULE_PACKS)]
    without = {other: body for other, body in exported.members.items() if other != name}

    assert {name} == named(exported.verify(exported.resealed(without)))
    changed = {**exported.members, name: b"another law"}
    assert {name} == named(exported.verify(exported.resealed(changed)))


def test_a_bundle_of_another_space_is_named_as_such(exported, tmp_path):
    other = make_world(tmp_path, name="Another Estuary Altogether")
    live(other)
    path = export_all(other, tmp_path / "other.zip")

    report = verify_bundle(path, exported.world.trust)
    other.close()

    assert {layout.MANIFEST, layout.SPACE} <= named(report)
    assert any("another space" in flaw.problem for flaw in report.flaws)


def test_every_changed_field_of_the_trust_file_is_found(exported):
    space = json.loads(exported.world.space_bytes)
    for path in _paths(space):
        changed = json.loads(exported.world.space_bytes)
        *way, last = path
        parent = changed
        for step in way:
            parent = parent[step]
        parent[last] = f"{parent[last]}x"

        try:
            trust = read_space_file(canonical_json(changed))
        except EvidenceMalformedError:
            continue  # not even a trust file any more: refused before a bundle is looked at

        assert named(verify_members(Opened(exported.members, ()), trust)), path


def test_the_trust_file_of_other_keys_authenticates_nothing(exported):
    trust = exported.world.trust
    stranger = replace(trust, evidence_key=exported.keys(FACULTY).evidence_public)

    found = named(verify_members(Opened(exported.members, ()), stranger))

    assert layout.SIGNATURE in found


def test_every_field_of_every_line_is_covered(exported):
    for name in [n for n in exported.members if n.endswith(".jsonl")]:
        lines = lines_of(exported, name)
        for place, line in enumerate(lines):
            content = json.loads(line)
            for field in content:
                value = content[field]
                changed = {**content, field: _other(value)}
                spoilt = [*lines[:place], canonical_json(changed), *lines[place + 1 :]]
                members = {**exported.members, name: layout.write_lines(spoilt)}

                found = named(exported.verify(exported.resealed(members)))

                folder = name.rpartition("/")[0]
                assert any(member.startswith(folder) for member in found), (name, place, field)


def _other(value):
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, list):
        return [*value, sha256_hex(b"x")]
    return {**value, "x": "x"}


def _paths(value, way=()):
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _paths(item, (*way, name))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _paths(item, (*way, place))
    else:
        yield way
