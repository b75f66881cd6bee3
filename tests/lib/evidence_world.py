"""A space of three nodes whose evidence is real: leaves, checkpoints, cosignatures, documents."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lib.ground import Ground, ManualClock, make_ground
from tidegate.audit.checkpoint import SignedCheckpoint
from tidegate.audit.encoding import encode_bytes
from tidegate.audit.model import CERTIFICATE
from tidegate.audit.service import EvidenceService
from tidegate.audit.surroundings import Surroundings
from tidegate.audit.trust import SpaceFile, make_keys, read_space_file
from tidegate.kernel.canonical import canonical_json, sha256_hex

AUTHORITY = "did:web:localhost%3A7000"
FACULTY = "did:web:localhost%3A7001"
HOSPITAL = "did:web:localhost%3A7002"
NAMES = {
    AUTHORITY: ("Pearl River Estuary Medical Data Space Authority", "CN-GBA9"),
    FACULTY: ("Faculty of Medicine, Hong Kong", "HK"),
    HOSPITAL: ("Nansha Hospital", "CN-GBA9"),
}
RULE_PACK = b'{"pack":"a pack for tests"}'
WORDS = {
    "version.acquired": "ing",
    "version.stored": None,
    "version.destroyed": "del",
    "dataset.registered": None,
    "offer.published": None,
    "agreement.concluded": None,
    "query.released": None,
    "application.refused": None,
}


@dataclass(frozen=True)
class Someone:
    """An asker with roles, as the access room would hand one in."""

    id: str = "person:per_ada"
    roles: frozenset = frozenset({"auditor"})


@dataclass
class Node:
    """One node of the world: its ground and its evidence desk."""

    did: str
    ground: Ground
    evidence: EvidenceService

    def act(self, did, to, **why):
        """Leave one leaf."""
        self.ground.journal.note(by="person:per_ada", did=did, to=to, why=why)


@dataclass
class World:
    """Three nodes, their space file, and the wire between them."""

    home: Path
    clock: ManualClock
    space_bytes: bytes
    nodes: Mapping[str, Node] = field(default_factory=dict)

    @property
    def trust(self) -> SpaceFile:
        return read_space_file(self.space_bytes)

    def __getitem__(self, did: str) -> Node:
        return self.nodes[did]

    def deliver(self, lose=()) -> None:
        """Carry every queued peer message to its receiver; kinds in `lose` get lost."""
        for _ in range(8):
            for sender, node in self.nodes.items():
                node.ground.run_tasks(peer__send=self._carry(sender, lose))

    def _carry(self, sender, lose):
        def carry(*, to, kind, body, **_):
            if kind in lose:
                return
            desk = self.nodes[to].evidence
            receive = {
                "witness.requested": desk.receive_witness_request,
                "witness.given": desk.receive_witness,
            }[kind]
            receive(sender, json.loads(body))

        return carry

    def close(self) -> None:
        for node in self.nodes.values():
            node.ground.close()


def make_world(home: Path, name: str = "Pearl River Estuary") -> World:
    """Open three nodes in one space, with credentials signed by the authority."""
    grounds = {did: make_ground(home / str(n), did) for n, did in enumerate(NAMES)}
    authority = grounds[AUTHORITY].keys
    for ground in grounds.values():
        ground.journal._events.update(WORDS)
    space = {
        "space": f"urn:uuid:00000000-0000-4000-8000-{len(name):012d}",
        "name": name,
        "profile": "loopback",
        "authority": AUTHORITY,
        "keys": make_keys(authority.evidence_public, authority.identity_public_jwk()),
        "rule_book": sha256_hex(b"the rule book"),
        "rule_packs": [sha256_hex(RULE_PACK)],
        "created_at": "2026-03-01T08:00:00.000Z",
    }
    world = World(home, grounds[AUTHORITY].clock, canonical_json(space))
    keys = {did: ground.keys.evidence_public for did, ground in grounds.items()}
    world.nodes = {
        did: Node(did, ground, _desk(did, ground, grounds, keys, world))
        for did, ground in grounds.items()
    }
    return world


def _desk(did, ground, grounds, keys, world):
    surroundings = Surroundings(
        evidence_key=keys.get,
        witnesses=lambda: tuple(keys),
        space_file=lambda: world.space_bytes,
        credentials=lambda: (credential(did, keys[did], grounds[AUTHORITY].keys),),
        rule_packs=lambda: (RULE_PACK,),
    )
    return EvidenceService(ground.journal, ground.clock, ground.keys, did, surroundings)


def credential(did, evidence_key, authority, issuer=AUTHORITY) -> str:
    """Sign a membership credential (VC 2.0 as JWT, ES256), the same bytes each time."""
    name, seat = NAMES.get(did, (did, "HK"))
    payload = {
        "iss": issuer,
        "sub": did,
        "issuer": issuer,
        "type": ["VerifiableCredential", "MembershipCredential"],
        "validFrom": "2026-03-01T08:00:00Z",
        "credentialSubject": {
            "id": did, "name": name, "seat": seat, "evidenceKey": encode_bytes(evidence_key),
        },
    }  # fmt: skip
    header = {"alg": "ES256", "kid": f"{issuer}#credentials", "typ": "vc+jwt"}
    key = (id(authority), did, evidence_key, issuer)
    if key not in _SIGNED:
        from joserfc import jws

        text = jws.serialize_compact(header, canonical_json(payload), authority.identity_key())
        _SIGNED[key] = text
        _KEPT.append(authority)
    return _SIGNED[key]


_SIGNED: dict = {}
_KEPT: list = []


def live(world: World) -> None:
    """Let the three nodes do what a short story of one dataset does, and witness each other."""
    hospital, faculty, authority = world[HOSPITAL], world[FACULTY], world[AUTHORITY]
    hospital.act("dataset.registered", "dataset:ds_liver", version="ver_1")
    hospital.act("version.acquired", "version:ver_1", dataset="ds_liver", rows=17549)
    hospital.act("version.stored", "version:ver_1", sha256=sha256_hex(b"holding"))
    hospital.act("offer.published", "offer:offer_1", version="ver_1", dataset="ds_liver")
    faculty.act("application.refused", "application:app_1", dataset="ds_liver", reason="training")
    for node in (hospital, faculty):
        node.act("agreement.concluded", "agreement:urn:uuid:a1", offer="offer_1")
    witness_round(world)
    hospital.act(
        "query.released", "query:q_1", agreement="urn:uuid:a1", rule_pack=sha256_hex(RULE_PACK)
    )
    destroy(hospital)
    authority.act("dataset.registered", "dataset:ds_other")
    witness_round(world)


def destroy(node: Node) -> None:
    """Record the end of a version, with its certificate attached."""
    certificate = node.evidence.certify({"iss": node.did, "version": "ver_1", "key": "destroyed"})
    with node.ground.journal.write(
        by="person:per_ben", did="version.destroyed", to="version:ver_1"
    ) as tx:
        tx.attach(CERTIFICATE, certificate)
        tx.attach("application/json", b'{"receipt":1}')


def witness_round(world: World) -> None:
    """Let every node ask all others to witness its newest checkpoint."""
    from datetime import timedelta

    for node in world.nodes.values():
        node.ground.clock.advance(hours=1)
        node.evidence.request_witnesses(at_least_every=timedelta(0))
    world.deliver()


def export_all(world: World, path: Path) -> Path:
    """Export every node and merge them into one bundle at the authority."""
    parts = []
    for did in (HOSPITAL, FACULTY):
        part = world.home / f"{len(parts)}.zip"
        world[did].evidence.export(part, by=Someone())
        parts.append(part)
    world[AUTHORITY].evidence.export(path, by=Someone(), include=tuple(parts))
    return path


def offered(node: Node) -> SignedCheckpoint:
    """Return a node's newest checkpoint, made now."""
    return node.evidence.checkpoint_now()
