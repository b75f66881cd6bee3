"""Two nodes that speak the Dataspace Protocol over a wire in memory, through the real door.

The wire can lose answers, repeat, and stop a node at a failpoint; tasks run when pumped.
"""

import json
import re
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import msgspec
from sqlalchemy import delete, select, update

from lib.ground import AllEvents, Ground, ManualClock, hasty, make_ground
from tidegate.access.model import Actor, Participant, Role, Seat, person_ref
from tidegate.api import dsp
from tidegate.audit.journal import Journal
from tidegate.catalogue.model import (
    DatasetRecord,
    HarvestedDataset,
    HarvestedOffer,
    HarvestedRecord,
    Offer,
    OfferState,
    VersionRecord,
)
from tidegate.catalogue.rules import the_one
from tidegate.connector.approvals.errors import ApprovalPendingError
from tidegate.connector.catalog.service import DspCatalogService
from tidegate.connector.dataplane.model import (
    HTTP_PULL,
    HTTP_PUSH,
    HTTP_TYPE,
    DataFlowState,
    FlowAnswer,
    PlaneAddress,
)
from tidegate.connector.errors import PeerUnauthenticatedError, PeerUnreachableError
from tidegate.connector.harvest.service import HarvestService
from tidegate.connector.http.model import Answer
from tidegate.connector.identity.model import DidDocument, ServiceEntry
from tidegate.connector.messages.delivery import AnswerGate, Courier
from tidegate.connector.messages.model import DeliverySettings, Side
from tidegate.connector.model import Peer
from tidegate.connector.negotiation.desk import Desk as NegotiationDesk
from tidegate.connector.negotiation.model import Act, Strategy
from tidegate.connector.negotiation.service import NegotiationService
from tidegate.connector.negotiation.strategy import MANUAL
from tidegate.connector.transfer.desk import Desk as TransferDesk
from tidegate.connector.transfer.service import TransferService
from tidegate.db.engine import Database
from tidegate.db.tables.work import work_task
from tidegate.kernel.clock import iso, parse_iso
from tidegate.kernel.errors import TidegateError, UnavailableError
from tidegate.kernel.failpoint import failpoint
from tidegate.kernel.ids import RandomIds, secret_token
from tidegate.kernel.text import Multilingual
from tidegate.partners.errors import GateClosedError
from tidegate.partners.model import Member, MemberRole, MemberState, PersonAssertion
from tidegate.policy.model import Decision, Outcome
from tidegate.policy.service import PolicyService, research_policy

HOSPITAL = "did:web:localhost%3A7002"
FACULTY = "did:web:localhost%3A7003"
STRANGER = "did:web:localhost%3A7004"
STEWARD = Actor("person:per_steward", "Steward", frozenset({Role.STEWARD, Role.OPERATOR}))
RESEARCHER = Actor("person:per_ada", "Ada", frozenset({Role.RESEARCHER}))
ADA = person_ref(FACULTY, "per_ada")
POLICY = research_policy(purposes=("DUO:0000007",), until="2099-01-01T00:00:00Z", max_uses=100)


class Crash(BaseException):
    """The process was killed here."""


@dataclass
class Crashing:
    """Kill the process the n-th time it passes."""

    at: int
    seen: int = 0

    def __call__(self) -> None:
        self.seen += 1
        if self.seen == self.at:
            raise Crash


SCHEME = "http"


def base_of(did: str) -> str:
    return f"{SCHEME}://" + did.removeprefix("did:web:").replace("%3A", ":")


class Network:
    """Carries calls between nodes; `fault(node, url, body)` may break one before it arrives."""

    def __init__(self) -> None:
        self.nodes: dict[str, DspNode] = {}
        self.log: list[tuple[str, str, dict, int]] = []
        self.lose_next_answer = False
        self.on_lost_answer = lambda: None
        self.answers_instead: list[Answer] = []
        self.down: set[str] = set()
        self.refused = 0

    def call(self, method, url, body, authorization):
        base = next((b for b in self.nodes if url.startswith(b + "/")), None)
        if base is None or base in self.down:
            self.refused += 1
            raise PeerUnreachableError("The other node cannot be reached now.")
        if self.answers_instead:
            return self.answers_instead.pop(0)
        raw = b"" if body is None else msgspec.json.encode(body)
        try:
            answer = self.nodes[base].answer(method, url.removeprefix(base), raw, authorization)
        except Crash:
            self.nodes[base].restart()
            raise PeerUnreachableError("The connection was lost.") from None
        self.log.append((method, url, json.loads(raw) if raw else {}, answer.status))
        if self.lose_next_answer:
            self.lose_next_answer = False
            self.on_lost_answer()
            raise PeerUnreachableError("The answer was lost.")
        return answer

    def post(self, url, body, *, authorization="", seconds=None):
        return self.call("POST", url, body, authorization)

    def get(self, url, *, authorization="", seconds=None):
        return self.call("GET", url, None, authorization)


@dataclass
class SimpleIdentity:
    """Tokens that name sender and audience in the clear."""

    did: str

    def token_for(self, audience: str) -> str:
        return f"Bearer {self.did}>{audience}"

    def authenticate(self, authorization):
        sender, _, audience = (authorization or "").removeprefix("Bearer ").partition(">")
        if audience != self.did:
            raise PeerUnauthenticatedError("No token for this node.")
        return Peer(sender, sender, Seat.HK, "participant", ("MembershipCredential",))

    def endpoint_of(self, did, service_type):
        return base_of(did) + "/dsp/2025-1"

    def resolve_did(self, did):
        return DidDocument(
            did, (), services=(ServiceEntry("#dsp", "DataService", self.endpoint_of(did, "")),)
        )

    def sign_person(self, assertion, audience):
        return json.dumps([audience, msgspec.to_builtins(assertion)])

    def verify_person(self, jwt, institution):
        audience, said = json.loads(jwt)
        assert audience == self.did
        return msgspec.convert(said, PersonAssertion)


@dataclass
class Shelf:
    """Own offers and harvested records."""

    offers: dict[str, Offer] = field(default_factory=dict)
    datasets: dict[str, DatasetRecord] = field(default_factory=dict)
    versions: dict[str, VersionRecord] = field(default_factory=dict)
    records: dict[tuple[str, str], HarvestedRecord] = field(default_factory=dict)
    looked: int = 0

    def find_open_offer(self, offer_id):
        return next((one for one in self.list_open_offers() if one.id == offer_id), None)

    def is_open_within(self, tx, offer_id):
        return self.find_open_offer(offer_id) is not None

    def find_offer(self, offer_id):
        return self.offers.get(offer_id)

    def find_harvested(self, dataset_id, publisher=""):
        found = [one for (name, _), one in self.records.items() if name == dataset_id]
        return the_one(found, dataset_id, publisher)

    def list_open_offers(self, *, dataset_id=""):
        return tuple(
            one
            for one in self.offers.values()
            if dataset_id in {"", one.dataset_id}
            and one.state is OfferState.PUBLISHED
            and self.versions[one.version_id].stage == "stored"
        )

    def revision(self):
        self.looked += 1  # whoever looks finds everything changed
        return self.looked

    def list_changed(self, since):
        return self.list_datasets()

    def list_datasets(self):
        return tuple(self.datasets.values())

    def find_versions(self, version_ids):
        return {name: self.versions[name] for name in version_ids}

    def list_graves(self):
        return ()

    def put_harvested(self, tx, peer, datasets):
        for one in datasets:
            self.records[one.id, peer.did] = HarvestedRecord(peer, one, tx.at)
        return len(datasets)


@dataclass
class Rules:
    """An assessor that says what it is told to."""

    outcome: Outcome = Outcome.ALLOW
    permit: bool = True
    asked: int = 0

    def has_permit(self, question):
        return self.permit

    def assess(self, question):
        self.asked += 1
        return Decision(self.outcome, (), "pack", "inputs", "rcp_1")


@dataclass
class Door:
    """A gate that lets in whom it is told to, and what a node says of its people."""

    did: str
    refusal: str = ""
    admitted: int = 0

    def admit(self, agreement, assertion):
        if self.refusal:
            raise GateClosedError(self.refusal, code="training_missing")
        self.admitted += 1
        return "permit_1"

    def assertion_of(self, person, agreement):
        return PersonAssertion(person, "Ada", self.did, (), "project_1")


@dataclass
class Crossing:
    """A crossing that lets rows pass unless it is told otherwise."""

    refusal: str = ""
    pending: bool = False
    passed: int = 0
    counted: int = 0

    def check_asked(self, agreement):
        self.check_open(agreement, None)

    def check_open(self, agreement, person):
        if self.refusal:
            raise GateClosedError(self.refusal, code="rows_refused")
        return "permit_1"

    def let_out(self, agreement, person, transfer, *, counted=False):
        permit = self.check_open(agreement, person)
        if self.pending:
            raise ApprovalPendingError("A person was asked.", code="approval_pending")
        self.passed += 1
        return permit

    def count(self, tx, agreement_id):
        self.counted += 1


@dataclass
class EmptyPlane:
    """A plane that moves nothing and remembers what it was told."""

    formats: frozenset[str] = frozenset({HTTP_PULL, HTTP_PUSH})
    told: list[str] = field(default_factory=list)
    heard: list[PlaneAddress | None] = field(default_factory=list)
    waits: bool = False
    trouble: TidegateError | None = None

    def _answer(self, word, flow, state, later, *, address):
        self.told.append(word)
        if self.trouble:
            raise self.trouble
        if self.waits:
            return FlowAnswer(later)
        properties = {"authorization": "secret-" + word, "authType": "bearer"}
        found = PlaneAddress(HTTP_TYPE, "http://localhost:9/" + word, properties)
        return FlowAnswer(state, found if address else None)

    def prepare(self, flow):
        states = DataFlowState.PREPARED, DataFlowState.PREPARING
        return self._answer("prepare", flow, *states, address=flow.is_push)

    def start(self, flow, address):
        self.heard.append(address)
        states = DataFlowState.STARTED, DataFlowState.STARTING
        return self._answer("start", flow, *states, address=not flow.is_push)

    def started(self, flow, address):
        self.told.append("started")
        self.heard.append(address)
        return FlowAnswer(DataFlowState.STARTED)

    def resume(self, flow):
        states = DataFlowState.STARTED, DataFlowState.STARTING
        provides = flow.side is Side.PROVIDER and not flow.is_push
        return self._answer("resume", flow, *states, address=provides)

    def renew(self, flow):
        return PlaneAddress(HTTP_TYPE, "http://localhost:9/renewed", {"authorization": "fresh"})

    def suspend(self, flow, reason):
        self.told.append("suspend")

    def complete(self, flow):
        self.told.append("complete")

    def terminate(self, flow, reason):
        self.told.append("terminate")


_TASKS = select(work_task).order_by(work_task.c.seq)


class DspNode:
    """One node's connector on a real journal."""

    def __init__(self, network: Network, ground: Ground, wire=None, delivery=None) -> None:
        self.network, self.ground, self.did = network, ground, ground.did
        self.delivery = delivery or DeliverySettings()
        self.wire = wire or network
        self.base = base_of(self.did)
        network.nodes[self.base] = self
        self.shelf, self.rules, self.door = Shelf(), Rules(), Door(self.did)
        self.crossing, self.plane = Crossing(), EmptyPlane()
        self.members: list[Member] = []
        self.held: set[str] = set()  # handlers that do not run for now
        self.restart()

    def restart(self) -> None:
        """Forget everything that is not on disk."""
        ground = self.ground
        self.identity = SimpleIdentity(self.did)
        courier, gate = Courier(self.wire, self.identity), AnswerGate()
        shared = {
            "journal": ground.journal, "clock": ground.clock, "ids": ground.ids, "did": self.did,
            "address": self.base + "/dsp/2025-1", "courier": courier, "gate": gate,
            "peer_document": self.identity.resolve_did, "loopback": True,
        }  # fmt: skip
        self.policy = PolicyService(ground.journal, ground.clock, self_did=self.did)
        self.negotiation = NegotiationService(
            NegotiationDesk(
                **shared,
                offers=self.shelf,
                agreements=self.policy,
                assessor=self.rules,
                settings=self.delivery,
            )
        )
        self.transfer = TransferService(
            TransferDesk(
                **shared,
                visits=self.base + "/visit",
                wire=self.wire,
                agreements=self.policy,
                vouchers=self.identity,
                people=self.door,
                gatekeeper=self.door,
                keys=ground.keys,
                token=secret_token,
                crossing=self.crossing,
                planes=(self.plane,),
                delivery=self.delivery,
                is_settling=self.negotiation.is_settling,
            )
        )
        self.dsp_catalog = DspCatalogService(
            ground.journal, self.shelf, did=self.did, address=self.base + "/dsp/2025-1", page_size=2
        )
        self.harvest = HarvestService(
            ground.journal, ground.clock, did=self.did, wire=self.wire, courier=courier,
            members=self, records=self.shelf,
        )  # fmt: skip
        self.handlers = {
            "negotiation.deliver": self.negotiation.deliver,
            "negotiation.react": self.negotiation.react,
            "transfer.deliver": self.transfer.deliver,
            "transfer.react": self.transfer.react,
            "transfer.prepare": self.transfer.prepare,
            "transfer.flow": self.transfer.follow,
            "transfer.script": self.transfer.run_script,
        }

    def list_members(self):
        return tuple(self.members)

    def answer(self, method, path, raw, authorization) -> Answer:
        path, _, query = path.partition("?")
        path = path.removeprefix("/dsp/2025-1")
        for operation in dsp.OPERATIONS:
            pattern = operation[1].replace("{pid:path}", "(.+)").replace("{pid}", "([^/]+)")
            match = re.fullmatch(pattern, path)
            if operation[0] == method and match:
                pid = match.group(1) if match.groups() else ""
                params = dict(part.split("=", 1) for part in query.split("&") if part)
                reply = dsp.respond(
                    self,
                    operation,
                    authorization,
                    lambda peer, pid=pid, params=params: dsp.Asked(peer, raw, pid, params),
                    dsp.pids_in(raw, pid),
                )
                body = json.loads(reply.written())
                headers = {name.lower(): value for name, value in reply.headers.items()}
                return Answer(reply.status, headers, body)
        return Answer(404, {}, None)

    def publish(self, number: int = 1, policy=POLICY) -> Offer:
        """Offer a dataset."""
        at = iso(self.ground.clock.now())
        me = Participant(self.did, "Nansha Hospital", Seat.CN_GBA9)
        ds, ver, name = f"ds_{number}", f"ver_{number}", f"offer_{number}"
        self.shelf.datasets[ds] = DatasetRecord(
            ds, Multilingual(f"Liver cohort {number}", "肝臟隊列", "肝脏队列"),
            Multilingual("A cohort."), (Multilingual("liver", "肝臟", "肝脏"),), "HEAL", me, at,
        )  # fmt: skip
        self.shelf.versions[ver] = VersionRecord(ver, ds, 1, "stored", at, rows_accepted=17)
        self.shelf.offers[name] = Offer(
            name, ds, ver, policy, OfferState.PUBLISHED, ("Tidegate-Visit",), "person:x", at
        )
        return self.shelf.offers[name]

    def knows(self, other: "DspNode", offer: Offer) -> None:
        """Have the other node's offer in the harvested records."""
        peer = Participant(other.did, "Nansha Hospital", Seat.CN_GBA9)
        self.shelf.records[offer.dataset_id, other.did] = HarvestedRecord(
            peer,
            HarvestedDataset(
                offer.dataset_id, Multilingual("t"), Multilingual("d"),
                version_id=offer.version_id,
                offers=(HarvestedOffer(offer.id, offer.policy, offer.formats),),
            ),
            "2026-03-02T08:00:00.000Z",
        )  # fmt: skip

    def joins(self, other: "DspNode") -> None:
        """Have the other node among the members."""
        self.members.append(
            Member(other.did, "Nansha Hospital", Seat.CN_GBA9, MemberRole.PARTICIPANT, "", "",
                   MemberState.ACTIVE)
        )  # fmt: skip

    def step(self) -> bool:
        """Run the first task that is due and first in its lane; tell whether there was one."""
        with self.ground.database.reading() as conn:
            rows = conn.execute(_TASKS).all()
        now, lanes = iso(self.ground.clock.now()), set()
        for row in rows:
            if (row.lane and row.lane in lanes) or row.handler not in self.handlers:
                continue
            if row.handler in self.held:
                lanes.add(row.lane)
                continue
            lanes.add(row.lane)
            if row.due_at > now:
                continue
            self._run(row)
            return True
        return False

    def _run(self, row) -> None:
        done = delete(work_task).where(work_task.c.seq == row.seq)
        try:
            self.handlers[row.handler](**json.loads(row.payload))
            failpoint(f"{row.handler}.done")
        except UnavailableError:
            later = iso(self.ground.clock.now() + timedelta(seconds=1))
            done = update(work_task).where(work_task.c.seq == row.seq).values(due_at=later)
        except Crash:
            self.restart()
            return
        with self.ground.journal.upkeep() as tx:
            tx.connection.execute(done)

    def next_due(self) -> str:
        with self.ground.database.reading() as conn:
            due = conn.execute(
                select(work_task.c.due_at).where(
                    work_task.c.handler.in_(set(self.handlers) - self.held)
                )
            ).scalars()
            return min(due, default="")


def pump(*nodes: DspNode, seconds: float = 0.0) -> None:
    """Run tasks of all nodes; let up to `seconds` pass where only time is missing."""
    start = nodes[0].ground.clock.now()
    for _ in range(5000):
        if sum(node.step() for node in nodes):
            continue
        due = min((d for d in (node.next_due() for node in nodes) if d), default="")
        if not due or parse_iso(due) > start + timedelta(seconds=seconds):
            return
        wait = (parse_iso(due) - nodes[0].ground.clock.now()).total_seconds()
        for node in nodes:
            node.ground.clock.advance(seconds=max(wait, 0.001))
    raise AssertionError("the nodes never come to rest")


_TEMPLATE: dict[str, Ground] = {}


def quick_ground(home: Path, did: str, clock=None) -> Ground:
    """Return a ground like `make_ground`, copied from one made once: keys are slow to make."""
    if not _TEMPLATE:
        _TEMPLATE["made"] = make_ground(Path(tempfile.mkdtemp()) / "template")
        _TEMPLATE["made"].close()
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(_TEMPLATE["made"].home / "node.db", home / "node.db")
    database, ids = hasty(Database(f"sqlite:///{home / 'node.db'}")), RandomIds()
    clock = clock or ManualClock()
    journal = Journal(database, clock, ids, log=did, events=AllEvents())
    return Ground(journal, database, clock, ids, _TEMPLATE["made"].keys, home, did)


def make_pair(folder: Path) -> tuple[DspNode, DspNode]:
    """Return a hospital that provides and a faculty that consumes."""
    network = Network()
    hospital = DspNode(network, quick_ground(folder / "hospital", HOSPITAL))
    faculty = DspNode(network, quick_ground(folder / "faculty", FACULTY))
    return hospital, faculty


def countering(terms: dict) -> Strategy:
    """Return the provider's strategy that answers a request with these terms, then asks."""
    entry, *rest = MANUAL.reactions
    return Strategy("counter", (replace(entry, act=Act.COUNTER, offer=terms), *rest))


def agreed(hospital: DspNode, faculty: DspNode) -> str:
    """Negotiate an agreement; return its id."""
    offer = hospital.publish()
    faculty.knows(hospital, offer)
    one = faculty.negotiation.request(hospital.did, offer.dataset_id, by=RESEARCHER)
    pump(hospital, faculty)
    return faculty.negotiation.get(one.pid).agreement_id
