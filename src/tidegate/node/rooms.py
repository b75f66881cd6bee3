"""Who is made of what: every room of a node, from the ground up."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from tidegate.access.service import AccessService
from tidegate.audit.service import EvidenceService
from tidegate.audit.trust import make_keys
from tidegate.catalogue.service import CatalogueService
from tidegate.commons.acquisition.service import AcquisitionService
from tidegate.commons.classification.service import ClassificationService
from tidegate.commons.deidentification.service import DeidentificationService
from tidegate.commons.destruction.asking import Questions
from tidegate.commons.destruction.service import DestructionService
from tidegate.commons.holdings.service import HoldingsService
from tidegate.commons.previews.service import PreviewService
from tidegate.commons.rows.service import RowsService
from tidegate.commons.runs.service import RunService
from tidegate.commons.vault.service import Vault
from tidegate.connector.approvals.service import ApprovalService
from tidegate.connector.assessment.service import AssessmentService, Sources
from tidegate.connector.checkup.service import CheckupService
from tidegate.connector.exchange.service import ExchangeService
from tidegate.connector.http.model import HttpSettings
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity.certification.service import CertificationService
from tidegate.connector.identity.issuance.service import IssuanceService
from tidegate.connector.identity.joining.service import JoiningService
from tidegate.connector.identity.model import NodeIdentity
from tidegate.connector.identity.service import IdentityService
from tidegate.connector.identity.sts.service import StsService
from tidegate.connector.identity.wallet.service import WalletService
from tidegate.connector.signaling.model import Manners
from tidegate.deid.service import DeidService
from tidegate.house import House
from tidegate.kernel.values import dataclass
from tidegate.node.answers import Answers, PeerKeys
from tidegate.node.checkups import Looked, build_checkup
from tidegate.node.crossing import RowsCrossing
from tidegate.node.fittings import PLAIN, Fittings
from tidegate.node.ground import Ground
from tidegate.node.installation import Installation
from tidegate.node.lab import Others as LabOthers
from tidegate.node.lab import build_lab
from tidegate.node.protocol import Others as ProtocolOthers
from tidegate.node.protocol import Protocol, build_protocol
from tidegate.node.uses import CountedUses
from tidegate.partners.application.service import ApplicationService
from tidegate.partners.gate.service import GateService
from tidegate.partners.instrument.service import InstrumentService
from tidegate.partners.partnership.service import PartnershipService
from tidegate.partners.project.service import ProjectService
from tidegate.partners.space.service import SpaceService
from tidegate.partners.training.service import TrainingService
from tidegate.policy.rulepack.service import RulePackService, load_shipped
from tidegate.policy.service import PolicyService, check_enforceable
from tidegate.settings import NodeRole
from tidegate.work.service import WorkService

Receiver = Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Partners:
    """The rooms that know people and institutions."""

    access: AccessService
    space: SpaceService
    partnerships: PartnershipService
    training: TrainingService
    projects: ProjectService
    instruments: InstrumentService
    applications: ApplicationService
    gate: GateService


@dataclass(frozen=True, slots=True)
class Identity:
    """The rooms that prove who speaks."""

    http: PeerHttp
    identity: IdentityService
    wallet: WalletService
    issuance: IssuanceService
    certification: CertificationService
    sts: StsService
    joining: JoiningService


@dataclass(frozen=True, slots=True)
class Law:
    """The rooms that decide by terms and by law, and the evidence of it."""

    evidence: EvidenceService
    policy: PolicyService
    rulepacks: RulePackService
    assessment: AssessmentService


@dataclass(frozen=True, slots=True)
class Commons:
    """The rooms that know and keep data."""

    vault: Vault
    catalogue: CatalogueService
    acquisition: AcquisitionService
    classification: ClassificationService
    deidentification: DeidentificationService
    previews: PreviewService
    runs: RunService
    holdings: HoldingsService
    rows: RowsService
    destruction: DestructionService


def build_house(
    ground: Ground,
    receivers_of: Callable[[House], Mapping[str, Receiver]],
    fittings: Fittings = PLAIN,
) -> House:
    """Build every room; `receivers_of` says who takes in which peer message."""
    space = SpaceService(ground.journal, ground.clock, ground.ids, ground.did)
    identity = _identity(ground, space, fittings)
    answers = Answers(ground, space, identity.identity, identity.wallet)
    partners = _partners(ground, space, answers.peer_keys)
    commons = _commons(ground, answers.peer_keys, partners.access)
    law = _law(ground, answers, partners, commons)
    work = WorkService(ground.journal, ground.clock)
    speaker = fittings.identity(identity.identity)
    uses = CountedUses(law.policy, partners.instruments, commons.catalogue, answers)
    approvals = _approvals(ground, answers, law)
    standing = Rooms(space, identity, partners, commons, law, work, approvals)
    protocol = build_protocol(ground, _others(standing, speaker, fittings, uses, answers))
    lab = build_lab(
        ground,
        LabOthers(
            http=identity.http,
            gate=partners.gate,
            vault=commons.vault,
            holdings=commons.holdings,
            destruction=commons.destruction,
            catalogue=commons.catalogue,
            policy=law.policy,
            uses=uses,
            assessment=law.assessment,
            transfer=protocol.transfer,
            seat_of=answers.seat_of,
        ),
    )
    received: dict[str, Receiver] = {}
    exchange = ExchangeService(
        ground.journal, ground.clock, identity.identity, identity.http, received, work.revive
    )
    identity.identity.on_peer = exchange.heard_from
    house = _house(
        ground,
        (partners, commons, law, identity, protocol, lab),
        identity=speaker,
        work=work,
        approvals=approvals,
        exchange=exchange,
        checkup=_checkup(ground, standing, protocol),
    )
    received.update(receivers_of(house))
    return house


def _house(ground: Ground, groups: tuple[Any, ...], **rooms: Any) -> House:
    """Put the rooms of the groups on one page; a room named here goes before."""
    wanted = {field.name for field in fields(House)}
    named = {name: getattr(group, name) for group in groups for name in group.__slots__}
    return House(
        participant=ground.settings.participant,
        clock=ground.clock,
        **{name: room for name, room in (named | rooms).items() if name in wanted},
    )


@dataclass(frozen=True, slots=True)
class Rooms:
    """What stands when the protocol's rooms are built."""

    space: SpaceService
    identity: Identity
    partners: Partners
    commons: Commons
    law: Law
    work: WorkService
    approvals: ApprovalService


def _approvals(ground: Ground, answers: Answers, law: Law) -> ApprovalService:
    def standing(recipient: str) -> tuple[str, str]:
        seat = answers.seat_of(recipient)
        return ("" if seat is None else seat.value), law.rulepacks.active_pack().hash

    return ApprovalService(ground.journal, ground.ids, agreements=law.policy, standing=standing)


def _checkup(ground: Ground, rooms: Rooms, protocol: Protocol) -> CheckupService:
    proving = rooms.identity
    return build_checkup(
        ground,
        Looked(
            http=proving.http,
            identity=proving.identity,
            wallet=proving.wallet,
            space=rooms.space,
            progress=protocol.progress,
            work=rooms.work,
        ),
    )


def _others(
    rooms: Rooms, speaker: Any, fittings: Fittings, uses: CountedUses, answers: Answers
) -> ProtocolOthers:
    """Return what the protocol's rooms stand on, as the fittings give it."""
    gate = fittings.gate(rooms.partners.gate)
    assessment = fittings.assessment(rooms.law.assessment)
    rows = rooms.commons.rows
    crossing = RowsCrossing(
        uses,
        gate,
        assessment,
        rooms.commons.catalogue,
        rows.check_leaves,
        answers.seat_of,
        rooms.approvals,
    )
    return ProtocolOthers(
        http=fittings.wire(rooms.identity.http),
        identity=speaker,
        callers=rooms.identity.identity,
        gate=gate,
        catalogue=rooms.commons.catalogue,
        policy=rooms.law.policy,
        assessment=assessment,
        space=rooms.space,
        standing_of=answers.standing_of,
        crossing=fittings.crossing(crossing),
        rows=rows,
        planes=fittings.planes,
        manners=fittings.manners(Manners()),
        hosting=fittings.hosting,
        asked_since=rooms.approvals.asked_since,
        evidence=rooms.law.evidence,
        work=rooms.work,
    )


def _law(ground: Ground, answers: Answers, partners: Partners, commons: Commons) -> Law:
    packs = load_shipped()
    rulepacks = RulePackService(
        ground.journal, ground.clock, ground.ids, listed=answers.listed_packs, packs=packs
    )
    evidence = EvidenceService(
        ground.journal, ground.clock, ground.keys, ground.did, answers.surroundings(packs)
    )
    sources = Sources(
        facts=partners.gate.facts,
        is_open=lambda question: partners.gate.find_refusal(question) is None,
        data=commons.holdings.rule_facts,
        seat_of=answers.seat_of,
        evidence=answers.evidence_facts(evidence),
        env_intact=Installation(ground.clock).is_intact,
        purged=commons.destruction.is_emptied,
    )
    return Law(
        evidence=evidence,
        policy=PolicyService(ground.journal, ground.clock, self_did=ground.did),
        rulepacks=rulepacks,
        assessment=AssessmentService(rulepacks, sources, ground.clock),
    )


def _identity(ground: Ground, space: SpaceService, fittings: Fittings) -> Identity:
    settings = ground.settings
    http = fittings.http(HttpSettings(loopback=ground.loopback, ca_file=settings.tls_ca))
    node = NodeIdentity(
        did=ground.did,
        name=settings.name,
        seat=settings.participant.seat,
        base_url=settings.base_url,
        is_authority=settings.role is NodeRole.AUTHORITY,
    )
    identity = IdentityService(
        ground.journal, ground.clock, ground.ids, ground.keys, node, http, space
    )
    issuance = IssuanceService(ground.journal, ground.clock, ground.ids, identity, http, space)
    wallet = WalletService(
        ground.journal, ground.clock, ground.ids, identity, http, issuance.issue_own
    )
    keys = make_keys(ground.keys.evidence_public, ground.keys.identity_public_jwk())
    joining = JoiningService(ground.keys, keys, space, identity, wallet, issuance, http)
    certification = CertificationService(
        ground.journal, ground.clock, ground.ids, identity, http, space
    )
    sts = StsService(ground.journal, ground.clock, ground.ids, identity)
    return Identity(http, identity, wallet, issuance, certification, sts, joining)


def _partners(ground: Ground, space: SpaceService, peer_keys: PeerKeys) -> Partners:
    journal, clock, ids, did = ground.journal, ground.clock, ground.ids, ground.did
    access = AccessService(journal, clock, ids, ground.keys, did)
    training = TrainingService(journal, clock, ids, did)
    projects = ProjectService(journal, clock, ids, did)
    return Partners(
        access=access,
        space=space,
        partnerships=PartnershipService(
            journal, clock, ids, ground.keys, did, peer_keys.assertion_key
        ),
        training=training,
        projects=projects,
        instruments=InstrumentService(journal, clock, ids, did),
        applications=ApplicationService(journal, clock, ids, did),
        gate=GateService(journal, clock, did, access, training),
    )


def _commons(ground: Ground, peer_keys: PeerKeys, access: AccessService) -> Commons:
    journal, clock, ids = ground.journal, ground.clock, ground.ids
    home, own = ground.settings.home, ground.settings.participant
    vault, deid = Vault(home / "vault", ground.keys), DeidService(ground.keys)
    catalogue = CatalogueService(
        journal, clock, ids, check_offerable=check_enforceable, search_folder=home / "search"
    )
    agreements = PolicyService(journal, clock, self_did=ground.did)
    deidentification = DeidentificationService(
        journal, clock, ids, vault=vault, deid=deid, catalogue=catalogue
    )
    return Commons(
        vault=vault,
        catalogue=catalogue,
        acquisition=AcquisitionService(
            journal, clock, ids, vault=vault, deid=deid, catalogue=catalogue, participant=own
        ),
        classification=ClassificationService(journal, clock, catalogue=catalogue),
        deidentification=deidentification,
        previews=PreviewService(journal, vault=vault, deid=deid, catalogue=catalogue),
        runs=RunService(
            journal,
            clock,
            ids,
            deid=deid,
            deidentification=deidentification,
            actor_of=access.actor_of,
        ),
        holdings=HoldingsService(
            journal, clock, vault=vault, catalogue=catalogue, deidentification=deidentification
        ),
        rows=RowsService(
            journal,
            clock,
            ids,
            vault=vault,
            deid=deid,
            catalogue=catalogue,
            participant=own,
            check_agreement=agreements.check_not_ended,
        ),
        destruction=DestructionService(
            journal,
            clock,
            ids,
            ground.keys,
            vault=vault,
            catalogue=catalogue,
            participant=own,
            asks=Questions(peer_keys.key, agreements.check_not_ended),
        ),
    )
