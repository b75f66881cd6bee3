"""The rooms that speak the Dataspace Protocol, built."""

from collections.abc import Callable

from tidegate.audit.service import EvidenceService
from tidegate.catalogue.service import CatalogueService
from tidegate.commons.rows.service import RowsService
from tidegate.connector.assessment.service import AssessmentService
from tidegate.connector.catalog.service import DspCatalogService
from tidegate.connector.dataplane.desk import PlaneDesk
from tidegate.connector.dataplane.model import DataPlane, PlaneAddress, PlaneSettings
from tidegate.connector.dataplane.service import HttpPlane
from tidegate.connector.harvest.service import HarvestService
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity.service import IdentityService
from tidegate.connector.messages.delivery import Courier
from tidegate.connector.negotiation.desk import Desk as NegotiationDesk
from tidegate.connector.negotiation.model import Negotiation
from tidegate.connector.negotiation.service import NegotiationService
from tidegate.connector.progress.service import ProgressService
from tidegate.connector.progress.service import Rooms as ProgressRooms
from tidegate.connector.signaling.desk import Desk as SignalingDesk
from tidegate.connector.signaling.desk import Hosting
from tidegate.connector.signaling.judging import Judging
from tidegate.connector.signaling.model import Manners
from tidegate.connector.signaling.registry import Registry
from tidegate.connector.signaling.service import SignalingService
from tidegate.connector.transfer.desk import Crossing
from tidegate.connector.transfer.desk import Desk as TransferDesk
from tidegate.connector.transfer.model import Transfer
from tidegate.connector.transfer.service import TransferService
from tidegate.kernel.ids import secret_token
from tidegate.kernel.values import dataclass
from tidegate.node.ground import Ground
from tidegate.node.signaling import build_signaling
from tidegate.partners.gate.service import GateService
from tidegate.partners.space.service import SpaceService
from tidegate.policy.model import UseFacts
from tidegate.policy.service import PolicyService
from tidegate.work.service import WorkService


@dataclass(frozen=True, slots=True)
class Protocol:
    """Catalogue, negotiation, transfer, signaling, harvest, and how they get on."""

    dsp_catalog: DspCatalogService
    negotiation: NegotiationService
    transfer: TransferService
    signaling: SignalingService
    dataplane: HttpPlane
    harvest: HarvestService
    progress: ProgressService


@dataclass(frozen=True, slots=True)
class Others:
    """The rooms the protocol stands on."""

    http: PeerHttp
    identity: IdentityService
    callers: IdentityService
    gate: GateService
    catalogue: CatalogueService
    policy: PolicyService
    assessment: AssessmentService
    space: SpaceService
    standing_of: Callable[[str], UseFacts]
    crossing: Crossing
    rows: RowsService
    planes: Callable[[tuple[DataPlane, ...]], tuple[DataPlane, ...]]
    evidence: EvidenceService
    work: WorkService
    manners: Manners
    hosting: Callable[[Hosting], Hosting]
    asked_since: Callable[[str], str]


def build_protocol(ground: Ground, others: Others) -> Protocol:
    """Build the rooms of the Dataspace Protocol."""
    base = f"{ground.settings.base_url}/dsp/2025-1"
    courier = Courier(others.http, others.identity)
    negotiation = _negotiation(ground, others, base, courier)
    negotiations = NegotiationService(negotiation)
    told = Told()
    plane = _plane(ground, others, courier, told)
    signaling = build_signaling(
        ground,
        callers=others.callers,
        policy=others.policy,
        inside=others.planes((plane,)),
        manners=others.manners,
        judge=_judge(others),
    )
    transfer = TransferDesk(
        journal=ground.journal,
        clock=ground.clock,
        ids=ground.ids,
        did=ground.did,
        address=base,
        visits=f"{ground.settings.base_url}/visit",
        wire=others.http,
        courier=courier,
        agreements=others.policy,
        vouchers=others.identity,
        people=others.gate,
        gatekeeper=others.gate,
        keys=ground.keys,
        peer_document=others.identity.resolve_did,
        token=secret_token,
        loopback=ground.loopback,
        gate=negotiation.gate,
        crossing=others.crossing,
        planes=(signaling.planes,),
        is_settling=negotiations.is_settling,
    )
    transfers = TransferService(transfer)
    told.signaling = signaling.service(transfers)
    return Protocol(
        dsp_catalog=DspCatalogService(
            ground.journal, others.catalogue, did=ground.did, address=base
        ),
        negotiation=negotiations,
        transfer=transfers,
        signaling=told.signaling,
        dataplane=plane,
        harvest=HarvestService(
            ground.journal,
            ground.clock,
            did=ground.did,
            wire=others.http,
            courier=courier,
            members=others.space,
            records=others.catalogue,
        ),
        progress=_progress(ground, others, (negotiations, transfers), plane),
    )


def _negotiation(ground: Ground, others: Others, base: str, courier: Courier) -> NegotiationDesk:
    return NegotiationDesk(
        journal=ground.journal,
        clock=ground.clock,
        ids=ground.ids,
        did=ground.did,
        address=base,
        courier=courier,
        offers=others.catalogue,
        agreements=others.policy,
        assessor=others.assessment,
        peer_document=others.identity.resolve_did,
        standing_of=others.standing_of,
        loopback=ground.loopback,
    )


def _judge(others: Others) -> Callable[[SignalingDesk, Registry], Hosting]:
    def judge(desk: SignalingDesk, registry: Registry) -> Hosting:
        return others.hosting(
            Judging(
                desk,
                registry,
                crossing=others.crossing,
                offers=others.catalogue,
                standing_of=others.standing_of,
            )
        )

    return judge


def _progress(
    ground: Ground,
    others: Others,
    rooms: tuple[NegotiationService, TransferService],
    plane: HttpPlane,
) -> ProgressService:
    negotiations, transfers = rooms

    def forget(one: Negotiation | Transfer, words: str) -> None:
        if isinstance(one, Negotiation):
            negotiations.end_forgotten(one, words)
        else:
            transfers.end_forgotten(one, words)

    def misses(pid: str) -> int:
        found = plane.progress(pid)
        return found.tries_without_progress if found is not None else 0

    return ProgressService(
        ground.journal,
        ground.clock,
        work=others.work,
        evidence=others.evidence,
        wire=others.http,
        credentials=others.identity,
        rooms=ProgressRooms(
            listed=lambda: (*negotiations.list_open(), *transfers.list_open()),
            forget=forget,
            misses=misses,
            asked_since=others.asked_since,
        ),
    )


class Told:
    """Whom the plane inside tells and asks: signaling, which knows whose flow it is.

    Flows that a control plane elsewhere opened are decided there; all others are transfers of this
    node.
    """

    signaling: SignalingService

    def flow_prepared(self, pid: str, address: PlaneAddress | None) -> None:
        """Tell that the request may leave."""
        self.signaling.flow_prepared(pid, address)

    def flow_started(self, pid: str, address: PlaneAddress | None) -> None:
        """Tell that the start may leave."""
        self.signaling.flow_started(pid, address)

    def flow_completed(self, pid: str) -> None:
        """Tell that every byte arrived and was checked."""
        self.signaling.flow_completed(pid)

    def flow_failed(self, pid: str, code: str, reason: str) -> None:
        """Tell that the plane gave up."""
        self.signaling.flow_failed(pid, code, reason)

    def check_read(self, pid: str) -> object:
        """Ask whether rows of a flow may leave now."""
        return self.signaling.check_read(pid)

    def is_flowing(self, pid: str) -> bool:
        """Ask whether bytes of a flow may move at this moment."""
        return self.signaling.is_flowing(pid)


def _plane(ground: Ground, others: Others, courier: Courier, told: Told) -> HttpPlane:
    return HttpPlane(
        PlaneDesk(
            journal=ground.journal,
            clock=ground.clock,
            ids=ground.ids,
            keys=ground.keys,
            http=others.http,
            courier=courier,
            rows=others.rows,
            control=lambda: told,
            doors=f"{ground.settings.base_url}/rows",
            token=secret_token,
            reports_to=lambda did: others.space.find_member(did) is not None,
            settings=PlaneSettings(
                most_bytes=ground.settings.rows_most_bytes,
                keep_free=ground.settings.rows_keep_free,
            ),
            token_used=lambda pid, digest: told.signaling.token_used(pid, digest),
        )
    )
