"""Every room's service on one page: the map of a node."""

from tidegate.access.model import Participant
from tidegate.access.service import AccessService
from tidegate.audit.service import EvidenceService
from tidegate.catalogue.service import CatalogueService
from tidegate.commons.acquisition.service import AcquisitionService
from tidegate.commons.classification.service import ClassificationService
from tidegate.commons.deidentification.service import DeidentificationService
from tidegate.commons.destruction.service import DestructionService
from tidegate.commons.holdings.service import HoldingsService
from tidegate.commons.previews.service import PreviewService
from tidegate.commons.rows.service import RowsService
from tidegate.commons.runs.service import RunService
from tidegate.connector.approvals.service import ApprovalService
from tidegate.connector.assessment.service import AssessmentService
from tidegate.connector.catalog.service import DspCatalogService
from tidegate.connector.checkup.service import CheckupService
from tidegate.connector.dataplane.service import HttpPlane
from tidegate.connector.exchange.service import ExchangeService
from tidegate.connector.harvest.service import HarvestService
from tidegate.connector.identity.certification.service import CertificationService
from tidegate.connector.identity.issuance.service import IssuanceService
from tidegate.connector.identity.joining.service import JoiningService
from tidegate.connector.identity.service import IdentityService
from tidegate.connector.identity.sts.service import StsService
from tidegate.connector.identity.wallet.service import WalletService
from tidegate.connector.negotiation.service import NegotiationService
from tidegate.connector.progress.service import ProgressService
from tidegate.connector.signaling.service import SignalingService
from tidegate.connector.transfer.service import TransferService
from tidegate.kernel.clock import Clock
from tidegate.kernel.values import dataclass
from tidegate.lab.releases.service import ReleaseService
from tidegate.lab.requests.service import QueryService
from tidegate.lab.visits.service import LabService
from tidegate.partners.application.service import ApplicationService
from tidegate.partners.gate.service import GateService
from tidegate.partners.instrument.service import InstrumentService
from tidegate.partners.partnership.service import PartnershipService
from tidegate.partners.project.service import ProjectService
from tidegate.partners.space.service import SpaceService
from tidegate.partners.training.service import TrainingService
from tidegate.policy.rulepack.service import RulePackService
from tidegate.policy.service import PolicyService
from tidegate.work.service import WorkService


@dataclass(frozen=True, slots=True)
class House:
    """The rooms of one node, from the ground up; doors reach a room only through here."""

    participant: Participant
    clock: Clock
    # ground
    evidence: EvidenceService
    access: AccessService
    work: WorkService
    # policy
    policy: PolicyService
    rulepacks: RulePackService
    # partners
    space: SpaceService
    partnerships: PartnershipService
    training: TrainingService
    projects: ProjectService
    instruments: InstrumentService
    applications: ApplicationService
    gate: GateService
    # catalogue and commons
    catalogue: CatalogueService
    acquisition: AcquisitionService
    classification: ClassificationService
    deidentification: DeidentificationService
    previews: PreviewService
    runs: RunService
    holdings: HoldingsService
    rows: RowsService
    destruction: DestructionService
    # connector
    identity: IdentityService
    wallet: WalletService
    issuance: IssuanceService
    certification: CertificationService
    sts: StsService
    joining: JoiningService
    exchange: ExchangeService
    assessment: AssessmentService
    dsp_catalog: DspCatalogService
    negotiation: NegotiationService
    transfer: TransferService
    approvals: ApprovalService
    signaling: SignalingService
    dataplane: HttpPlane
    harvest: HarvestService
    progress: ProgressService
    checkup: CheckupService
    # lab
    lab: LabService
    queries: QueryService
    releases: ReleaseService
