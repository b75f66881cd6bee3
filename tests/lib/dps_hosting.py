"""The signaling room on a ground of its own: its registry, its judge and the policy room are real.

Around it are simulators: a control plane elsewhere that answers by script, a plane that moves
nothing, and a crossing that lets pass until it is told not to.
"""

import uuid
from dataclasses import dataclass, field

from lib.ground import make_ground
from tidegate.access.model import Actor, Role
from tidegate.audit.service import EvidenceService
from tidegate.catalogue.model import Offer, OfferState
from tidegate.connector.dataplane.model import HTTP_TYPE, DataFlowState, FlowAnswer, PlaneAddress
from tidegate.connector.errors import PeerUnauthenticatedError
from tidegate.connector.http.model import Answer
from tidegate.connector.messages.model import Side
from tidegate.connector.signaling.desk import Desk
from tidegate.connector.signaling.flows import Flows
from tidegate.connector.signaling.judging import Judging
from tidegate.connector.signaling.model import (
    PROFILE_PULL,
    Asked,
    DataFlow,
    FlowRole,
    PlaneKind,
)
from tidegate.connector.signaling.registry import Registry
from tidegate.connector.signaling.service import SignalingService
from tidegate.kernel.errors import WithheldError
from tidegate.kernel.ids import secret_token
from tidegate.policy.model import UseFacts
from tidegate.policy.service import PolicyService, research_policy, to_message_offer

US, PEER = "did:web:us", "did:web:peer"
ENDPOINT = "https://connector.example.org/signaling"
FREE = research_policy(purposes=("DUO:0000042",), compute="", minimum_cell=0, max_uses=2)
STEWARD = Actor("person:per_op", "Op", frozenset({Role.OPERATOR, Role.STEWARD}))
OFFICER = Actor("person:per_law", "Law", frozenset({Role.LEGAL}))
BOTH = Actor("person:per_both", "Both", frozenset({Role.OPERATOR, Role.STEWARD, Role.LEGAL}))
CONSOLE = Actor("system:console", "the console", frozenset(Role))


class NoError(WithheldError):
    """What a simulator refuses with."""


@dataclass
class Crossing:
    """Lets pass, until `no` names a reason; keeps what it was asked."""

    no: str = ""
    kind: type = NoError
    asked: list = field(default_factory=list)
    counted: list = field(default_factory=list)

    def _ask(self, *question):
        self.asked.append(question)
        if self.no:
            raise self.kind("The crossing says no.", code=self.no)
        return "permit_1"

    def check_open(self, agreement, person):
        return self._ask("open", agreement.id)

    def let_out(self, agreement, person, transfer, *, counted=False):
        return self._ask("out", agreement.id, transfer, counted)

    def count(self, tx, agreement_id):
        self.counted.append(agreement_id)


@dataclass
class StillPlane:
    """Answers at once, or later, and keeps what it was told."""

    later: bool = False
    heard: list = field(default_factory=list)
    meanwhile: dict = field(default_factory=dict)
    formats = frozenset({"HttpData-PULL", "HttpData-PUSH"})

    def _hear(self, what, flow):
        self.heard.append((what, flow.pid))
        happens = self.meanwhile.pop(what, None)
        if happens is not None:
            happens()

    def _address(self, flow):
        where = f"https://us.example.org/rows/{flow.pid}"
        return PlaneAddress(HTTP_TYPE, where, {"authorization": secret_token()})

    def prepare(self, flow):
        self._hear("prepare", flow)
        return FlowAnswer(DataFlowState.PREPARED, self._address(flow) if flow.is_push else None)

    def start(self, flow, address):
        self._hear("start", flow)
        if self.later:
            return FlowAnswer(DataFlowState.STARTING)
        return FlowAnswer(DataFlowState.STARTED, None if flow.is_push else self._address(flow))

    def started(self, flow, address):
        self._hear("started", flow)
        return FlowAnswer(DataFlowState.STARTED)

    def resume(self, flow):
        self._hear("resume", flow)
        return FlowAnswer(DataFlowState.STARTED, self._address(flow))

    def renew(self, flow):
        return self._address(flow)

    def suspend(self, flow, reason):
        self._hear("suspend", flow)

    def complete(self, flow):
        self._hear("complete", flow)

    def terminate(self, flow, reason):
        self._hear("terminate", flow)


@dataclass
class Wire:
    """The control plane elsewhere: gives the agreement of a process, takes what it is told."""

    agreements: dict = field(default_factory=dict)
    documents: dict = field(default_factory=dict)
    status: int = 200
    calls: list = field(default_factory=list)

    def call(self, method, url, body=None, *, authorization="", seconds=None):
        self.calls.append((method, url, body))
        if url in self.documents:
            return Answer(self.status, body=self.documents[url])
        if method == "GET":
            found = self.agreements.get(url.split("/")[-2])
            return Answer(self.status if found else 404, body=found)
        return Answer(200, body={})


class Control:
    """The transfer room: keeps what it was told of flows that are its own."""

    def __init__(self):
        self.told = []

    def flow_prepared(self, pid, address):
        self.told.append(("prepared", pid))

    def flow_started(self, pid, address):
        self.told.append(("started", pid))

    def flow_completed(self, pid):
        self.told.append(("completed", pid))

    def flow_failed(self, pid, code, reason):
        self.told.append(("failed", pid))


class World:
    """A node with one control plane registered, its dataset open, and a counterparty.

    `plane` makes the plane inside from the ground; without it one that moves nothing is there.
    """

    def __init__(self, home, plane=lambda _world: StillPlane()):
        self.ground = make_ground(home, US)
        self.crossing, self.control, self.wire = Crossing(), Control(), Wire()
        self.plane, self._seen = plane(self), set()
        self.seats, self.offers = {PEER: "HK"}, [self.offer()]
        self.policy = PolicyService(self.ground.journal, self.ground.clock, self_did=US)
        desk = Desk(
            journal=self.ground.journal, clock=self.ground.clock, ids=self.ground.ids, did=US,
            base="https://us.example.org/dps/v1", wire=self.wire, keys=self.ground.keys,
            token=secret_token, agreements=self.policy, callers=self, inside=(self.plane,),
        )  # fmt: skip
        self.flows, self.registry = Flows(desk), Registry(desk)
        judge = Judging(
            desk, self.registry, crossing=self.crossing, offers=self,
            standing_of=lambda did: UseFacts(assignee=did, seat=self.seats.get(did)),
        )  # fmt: skip
        self.room = SignalingService(desk, self.flows, self.registry, self.control, judge)
        self.token = self.registers(datasets=("ds_1",))

    def close(self):
        self.ground.close()

    def is_first_use(self, issuer, jti, until):
        is_first = (issuer, jti) not in self._seen
        self._seen.add((issuer, jti))
        return is_first

    def identify(self, authorization):
        raise PeerUnauthenticatedError("Nobody proves a DID here.")

    def offer(self, **other):
        said = {
            "id": "offer_1", "dataset_id": "ds_1", "version_id": "ver_1", "policy": FREE,
            "state": OfferState.PUBLISHED, "formats": ("HttpData-PULL",), "published_by": "p",
            "published_at": "2026-01-01T00:00:00.000Z",
        }  # fmt: skip
        return Offer(**said | other)

    def list_open_offers(self, *, dataset_id=""):
        return tuple(one for one in self.offers if one.dataset_id == dataset_id)

    def asked(self, name="cp", **more):
        said = {"kind": PlaneKind.CONTROL, "id": name, "endpoint": ENDPOINT, "auth": "bearer",
                "secret": "ours"}  # fmt: skip
        return Asked(**said | more)

    def registers(self, name="cp", **more):
        """Register a control plane and approve its datasets; return the header it presents."""
        done = self.room.register(self.asked(name, **more), by=STEWARD)
        if done.plane.datasets and not done.plane.approved_by:
            self.room.approve(name, "Our own second connector.", by=OFFICER)
        return f"Bearer {done.token}"

    def signed(self, process, agreement="agr_1", **other):
        """Let the control plane hold an agreement for one of its processes."""
        said = to_message_offer(FREE, agreement, "ds_1") | {
            "@type": "Agreement", "assigner": US, "assignee": PEER,
            "timestamp": "2026-02-01T00:00:00.000Z",
        }  # fmt: skip
        self.wire.agreements[process] = said | other

    def message(self, process="p1", **more):
        return {
            "messageId": uuid.uuid4().hex, "participantId": US, "counterPartyId": PEER,
            "dataspaceContext": "test", "processId": process, "agreementId": "agr_1",
            "datasetId": "ds_1", "profile": PROFILE_PULL, "claims": {}, **more,
        }  # fmt: skip

    def starts(self, process="p1", token="", **more):
        """Start a pull as the control plane, its agreement signed; return the flow."""
        self.signed(process, more.get("agreementId", "agr_1"))
        return self.room.start(token or self.token, self.message(process, **more)).flow

    def signal(self, flow, what):
        return getattr(self.room, what)(self.token, flow.id, {"messageId": "m"}).flow

    def remote(self, process, plane="dataplane:dp", state=DataFlowState.PREPARING):
        """Open a flow of our own control plane at a data plane elsewhere."""
        return self.flows.open(
            DataFlow(
                id=process, role=FlowRole.REMOTE, plane=plane, process_id=process,
                side=Side.CONSUMER, format="HttpData-PULL", profile=PROFILE_PULL,
                agreement_id="agr_9", dataset_id="ds_9", version_id="", participant=US,
                counterparty=PEER, state=state, created_by="system:t", created_at="",
                changed_by="system:t", changed_at="",
            )
        )  # fmt: skip

    def state(self, flow):
        return next(one for one in self.room.list_flows(by=STEWARD) if one.id == flow.id).state

    def events(self, about):
        """Return what the evidence says of a subject: (event, reasons), oldest first."""
        leaves = EvidenceService(
            self.ground.journal, self.ground.clock, self.ground.keys, US, None
        ).timeline(about)
        return [(one.entry.did, dict(one.entry.why)) for one in leaves]
