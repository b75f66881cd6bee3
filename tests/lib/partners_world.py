"""Three institutions whose nodes talk: every message is delivered twice, as a network may."""

import base64
import json
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import ECKey

from lib.ground import AllEvents, Ground, ManualClock, hasty
from tidegate.access.model import (
    AccessSettings,
    Actor,
    Participant,
    Role,
    Seat,
    person_ref,
    system_actor,
)
from tidegate.access.service import AccessService
from tidegate.audit.journal import Journal
from tidegate.db.engine import Database
from tidegate.db.schema import METADATA
from tidegate.kernel.ids import RandomIds
from tidegate.keys.service import KeyRing
from tidegate.partners.application.service import ApplicationService
from tidegate.partners.gate.service import GateService
from tidegate.partners.instrument.service import InstrumentService
from tidegate.partners.model import ConsentFacts, SpaceProfile, Standing, Terms
from tidegate.partners.partnership.service import PartnershipService
from tidegate.partners.project.service import ProjectService
from tidegate.partners.space.service import SpaceService, space_document
from tidegate.partners.training.service import TrainingService
from tidegate.policy.model import Agreement, Policy

AUTHORITY = Participant(
    "did:web:localhost%3A7001", "Pearl River Estuary Medical Data Space Authority", Seat.CN_GBA9
)
FACULTY = Participant("did:web:localhost%3A7002", "Faculty of Medicine, Hong Kong", Seat.HK)
HOSPITAL = Participant("did:web:localhost%3A7003", "Nansha Hospital", Seat.CN_GBA9)
CHEAP = AccessSettings(argon2_memory_kib=8, argon2_passes=1, argon2_lanes=1)
COURSE = "Privacy and ethics"
DATASET = "ds_liver"
HMB, DS = "DUO:0000006", "DUO:0000007"
LATER = "2027-03-02T08:00:00Z"
CONSENT = ConsentFacts(
    separate=True, names_recipient=True, covers_cross_border=True, guardian=False
)


def fresh_keys() -> KeyRing:
    """Make keys that are sealed nowhere, since sealing takes a while."""
    return KeyRing(
        secrets.token_bytes(32), Ed25519PrivateKey.generate(), ECKey.generate_key("P-256")
    )


EVENTS = AllEvents()
KEYS = {who.did: fresh_keys() for who in (AUTHORITY, FACULTY, HOSPITAL)}
TEMPLATES = TemporaryDirectory(prefix="tidegate-partners-")


def quick_ground(home: Path, did: str, clock: ManualClock | None = None) -> Ground:
    """Open a ground without a key file; the tables are copied, where they are not there yet."""
    home.mkdir(parents=True, exist_ok=True)
    empty = Path(TEMPLATES.name) / "empty.db"
    if not empty.exists():
        database = Database(f"sqlite:///{empty}")
        with database.migrating() as connection:
            METADATA.create_all(connection)
        database.close()
    if not (home / "node.db").exists():
        shutil.copy(empty, home / "node.db")
    database = hasty(Database(f"sqlite:///{home / 'node.db'}"))
    clock, ids = clock or ManualClock(), RandomIds()
    journal = Journal(database, clock, ids, log=did, events=EVENTS)
    return Ground(journal, database, clock, ids, KEYS.get(did) or fresh_keys(), home, did)


def actor(name: str, *roles: Role) -> Actor:
    """Name somebody with roles, without an account."""
    return Actor(id=f"person:per_{name}", name=name.title(), roles=frozenset(roles))


def ref(participant: Participant, who: Actor) -> str:
    """Name a person across nodes."""
    return person_ref(participant.did, who.person_id)


RESEARCHER = actor("rex", Role.RESEARCHER)
COLLEAGUE = actor("cora", Role.RESEARCHER)
TRAINER = actor("tom", Role.TRAINER)
LEGAL = actor("lea", Role.LEGAL)
COMMITTEE = actor("carl", Role.COMMITTEE)
OPERATOR = actor("olga", Role.OPERATOR)
REX = ref(FACULTY, RESEARCHER)
CORA = ref(FACULTY, COLLEAGUE)


@dataclass
class House:
    """The rooms of one institution that these tests need."""

    who: Participant
    ground: Ground
    access: AccessService
    space: SpaceService
    partnerships: PartnershipService
    training: TrainingService
    projects: ProjectService
    instruments: InstrumentService
    applications: ApplicationService
    gate: GateService

    @property
    def evidence_public(self) -> str:
        return base64.urlsafe_b64encode(self.ground.keys.evidence_public).rstrip(b"=").decode()

    def receivers(self):
        return {
            "member.admitted": self.space.receive_member_admitted,
            "member.revoked": self.space.receive_member_revoked,
            "partnership.proposed": self.partnerships.receive_proposed,
            "partnership.signed": self.partnerships.receive_signed,
            "partnership.ended": self.partnerships.receive_ended,
            "training.revoked": self.training.receive_revoked,
            "project.shared": self.projects.receive_project,
            "project.ethics": self.projects.receive_ethics,
            "application.submitted": self.applications.receive_submitted,
            "application.decided": self.applications.receive_decided,
            "application.withdrawn": self.applications.receive_withdrawn,
            "permit.ended": self.applications.receive_permit_ended,
        }

    def events(self) -> list[str]:
        """Return the events in this node's evidence, in order."""
        from sqlalchemy import select

        from tidegate.db.tables.audit import audit_leaf

        with self.ground.database.reading() as conn:
            rows = conn.execute(select(audit_leaf.c.event).order_by(audit_leaf.c.position))
            return [row.event for row in rows]

    def pending(self, kind: str) -> list[dict]:
        """Return the bodies of undelivered messages of one kind."""
        sends = [payload for name, payload in self.ground.tasks() if name == "peer.send"]
        return [json.loads(one["body"]) for one in sends if one["kind"] == kind]


@dataclass
class World:
    """The nodes, their common clock, and the network between them."""

    clock: ManualClock
    houses: dict[str, House] = field(default_factory=dict)

    @property
    def authority(self) -> House:
        return self.houses[AUTHORITY.did]

    @property
    def faculty(self) -> House:
        return self.houses[FACULTY.did]

    @property
    def hospital(self) -> House:
        return self.houses[HOSPITAL.did]

    def key_of(self, did: str, kid: str = ""):
        return self.houses[did].ground.keys.identity_public_jwk()

    def deliver(self) -> None:
        """Deliver every waiting message twice, until none is left."""
        while any(house.ground.tasks() for house in self.houses.values()):
            for house in self.houses.values():
                house.ground.run_tasks(peer__send=self._carry(house.who.did))

    def _carry(self, sender: str):
        def carry(*, to: str, kind: str, body: str, **_rest: str) -> None:
            receive = self.houses[to].receivers()[kind]
            receive(sender, json.loads(body))
            receive(sender, json.loads(body))

        return carry

    def close(self) -> None:
        for house in self.houses.values():
            house.ground.close()


def make_house(world: World, home: Path, who: Participant) -> House:
    """Build the rooms of one institution."""
    ground = quick_ground(home, who.did, world.clock)
    given = (ground.journal, ground.clock, ground.ids)
    access = AccessService(*given, ground.keys, who.did, CHEAP)
    training = TrainingService(*given, who.did)
    house = House(
        who=who,
        ground=ground,
        access=access,
        space=SpaceService(*given, who.did),
        partnerships=PartnershipService(*given, ground.keys, who.did, world.key_of),
        training=training,
        projects=ProjectService(*given, who.did),
        instruments=InstrumentService(*given, who.did),
        applications=ApplicationService(*given, who.did),
        gate=GateService(ground.journal, ground.clock, who.did, access, training),
    )
    world.houses[who.did] = house
    return house


def build_world(home: Path) -> World:
    """Build three nodes, on what `home` holds already."""
    world = World(ManualClock(datetime(2026, 3, 2, 8, 0, tzinfo=UTC)))
    for who in (AUTHORITY, FACULTY, HOSPITAL):
        make_house(world, home / who.did[-4:], who)
    return world


def staged(home: Path, *steps: Callable[[World], object]) -> World:
    """Return a world in which the steps were done; they are done once and copied afterwards."""
    place = Path(TEMPLATES.name) / "-".join(step.__name__ for step in steps)
    if not place.exists():
        world = build_world(place)
        for step in steps:
            step(world)
        world.close()
    shutil.copytree(place, home, dirs_exist_ok=True)
    return build_world(home)


def found_space(world: World) -> None:
    """Found a space of three institutions that know each other."""
    authority = world.authority
    space = authority.space.new_space("Estuary", SpaceProfile.LOOPBACK)
    authority.space.create_space(
        space, AUTHORITY, authority.evidence_public, by=system_actor("init")
    )
    for who in (FACULTY, HOSPITAL):
        join(world, who)
    world.deliver()


def join(world: World, who: Participant) -> None:
    """Bring an institution into the space, as its node and the authority's do it together."""
    authority, house = world.authority.space, world.houses[who.did]
    standing = Standing(ciio=False, foreign_controlled=False, control_test="cn_controlled")
    code = authority.invite(who.name, who.seat, by=OPERATOR, standing=standing)
    authority.admit(
        code, did=who.did, name=who.name, seat=who.seat, evidence_public=house.evidence_public
    )
    house.space.remember_space(space_document(authority.get_space()), by=OPERATOR)
    house.space.put_members(authority.list_members(), sender=AUTHORITY.did)


def terms(**changes) -> Terms:
    """Return the terms the faculty and the hospital agree on."""
    fields = {
        "title": "Liver programme",
        "programme": "NAFLD",
        "parties": (FACULTY.did, HOSPITAL.did),
        "seats": (Seat.HK, Seat.CN_GBA9),
        "scopes": (HMB,),
        "required_training": (COURSE,),
        "starts": "2026-01-01T00:00:00Z",
        "expires": "2028-01-01T00:00:00Z",
    }
    return Terms(**{**fields, **changes})


def sign_partnership(world: World):
    """Bring the partnership of faculty and hospital into force."""
    proposed = world.faculty.partnerships.propose(terms(), by=LEGAL)
    world.deliver()
    world.hospital.partnerships.sign(proposed.id, by=LEGAL)
    world.deliver()
    return proposed


def train(world: World, *people: str):
    """Certify the course for people of the faculty."""
    return [world.faculty.training.issue(one, COURSE, LATER, by=TRAINER) for one in people]


def set_up_study(world: World, people=(REX, CORA)):
    """Set up the study at the faculty, with the hospital as its other site."""
    project = world.faculty.projects.create(
        "Liver disease model",
        DS,
        "Rows stay at the hospital; results are kept ten years.",
        by=RESEARCHER,
        people=people,
        dataset_ids=(DATASET,),
        sites=(HOSPITAL.did,),
    )
    world.deliver()
    return project


def approve_study(world: World, project) -> None:
    """Have both ethics committees approve, and the hospital's legal office write its papers."""
    for house in (world.faculty, world.hospital):
        house.projects.record_ethics(
            project.id,
            f"IRB-{house.who.seat.value}-1",
            covers_datasets=(DATASET,),
            covers_cross_border=True,
            expires=LATER,
            by=COMMITTEE,
        )
    hospital = world.hospital
    hospital.projects.record_legal_basis(
        project.id, DATASET, "consent", by=LEGAL, consent=CONSENT, security_committee=False
    )
    hospital.instruments.record_impact_assessment(
        project.id, (DATASET,), done_on="2026-02-01", covers_3=True, retention_years=3, by=LEGAL
    )
    hospital.instruments.record_mechanism(
        "gba_sc_hk",
        FACULTY.did,
        effective_on="2026-02-02",
        purposes=(HMB,),
        dataset_ids=(DATASET,),
        by=LEGAL,
        filed_on="2026-02-10",
        filing_reference="GD-2026-0001",
    )
    world.deliver()


def apply(world: World, project, **changes):
    """Apply for the dataset."""
    asked = {"people": (REX,), "purposes": (DS,), "months": 12, "by": RESEARCHER, **changes}
    return world.faculty.applications.submit(project.id, DATASET, HOSPITAL.did, **asked)


def prepare(world: World) -> None:
    """Do everything that comes before an application."""
    sign_partnership(world)
    train(world, REX, CORA)
    approve_study(world, set_up_study(world))


def open_gate(world: World, **asked):
    """Apply in a prepared world and decide; return the permit."""
    (project,) = world.faculty.projects.list_projects()
    application = apply(world, project, **asked)
    world.deliver()
    permit = world.hospital.applications.approve(application.id, "Sound plan.", by=COMMITTEE)
    world.deliver()
    return permit


def agreement(role: str = "provider", **changes) -> Agreement:
    """Return the agreement of faculty and hospital on the dataset."""
    fields = {
        "id": "urn:uuid:1",
        "role": role,
        "dataset_id": DATASET,
        "version_id": "ver_1",
        "assigner": HOSPITAL.did,
        "assignee": FACULTY.did,
        "policy": Policy(()),
        "offer_id": "offer_1",
        "signed_at": "2026-03-02T08:00:00.000Z",
        "purposes": (HMB,),
    }
    return Agreement(**{**fields, **changes})


def stamp(clock: ManualClock, **amount: float) -> str:
    """Return a stamp some time from now."""
    from tidegate.kernel.clock import iso

    return iso(clock.now() + timedelta(**amount))
