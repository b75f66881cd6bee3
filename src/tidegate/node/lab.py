"""The rooms of visiting queries, built."""

from collections.abc import Callable

from tidegate.access.model import Seat
from tidegate.catalogue.service import CatalogueService
from tidegate.commons.destruction.service import DestructionService
from tidegate.commons.holdings.service import HoldingsService
from tidegate.commons.vault.service import Vault
from tidegate.connector.assessment.service import AssessmentService
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.transfer.service import TransferService
from tidegate.kernel.values import dataclass
from tidegate.lab.releases.service import ReleaseService
from tidegate.lab.requests.service import QueryService, Reach
from tidegate.lab.visits.admission import Admission
from tidegate.lab.visits.engine import Engine
from tidegate.lab.visits.publishing import Publishing
from tidegate.lab.visits.service import LabService
from tidegate.lab.visits.versions import OpenVersions
from tidegate.node.ground import Ground
from tidegate.node.uses import CountedUses
from tidegate.partners.gate.service import GateService
from tidegate.policy.service import PolicyService


@dataclass(frozen=True, slots=True)
class Lab:
    """The provider's side, the consumer's side, and the checker's desk."""

    lab: LabService
    queries: QueryService
    releases: ReleaseService


@dataclass(frozen=True, slots=True)
class Others:
    """The rooms the lab stands on."""

    http: PeerHttp
    gate: GateService
    vault: Vault
    holdings: HoldingsService
    destruction: DestructionService
    catalogue: CatalogueService
    policy: PolicyService
    uses: CountedUses
    assessment: AssessmentService
    transfer: TransferService
    seat_of: Callable[[str], Seat | None]


def build_lab(ground: Ground, others: Others) -> Lab:
    """Build the rooms of visiting queries."""
    journal, clock, ids = ground.journal, ground.clock, ground.ids
    versions = OpenVersions(
        journal, ground.keys, others.vault.keys, others.catalogue, others.holdings, Engine()
    )
    admission = Admission(others.uses, others.gate, others.assessment, others.seat_of, clock)
    publishing = Publishing(journal, clock, admission, versions)
    return Lab(
        lab=LabService(
            journal,
            clock,
            ids,
            transfers=others.transfer,
            admission=admission,
            versions=versions,
            publishing=publishing,
        ),
        queries=QueryService(
            journal,
            clock,
            ids,
            agreements=others.policy,
            reach=Reach(others.transfer, others.http, others.destruction),
        ),
        releases=ReleaseService(journal, publishing, versions, self_did=ground.did),
    )
