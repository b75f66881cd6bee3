"""The nouns of working together: members, partnerships, studies, permits and the law's papers.

Moments are ISO stamps as the kernel writes them; days (`done_on`, `filed_on`) are YYYY-MM-DD.
"""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

from tidegate.access.model import Participant, Seat
from tidegate.kernel.values import dataclass

Value = bool | int | str | tuple[str, ...]


class SpaceProfile(StrEnum):
    """How the nodes of a space talk: over TLS, or in the clear on one machine."""

    LOOPBACK = "loopback"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class Space:
    """The alliance this node belongs to, as `space.json` states it."""

    id: str
    name: str
    profile: SpaceProfile
    authority: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    rule_book: str = ""
    rule_packs: tuple[Any, ...] = ()
    created_at: str = ""


class MemberRole(StrEnum):
    """What an institution is in the space."""

    AUTHORITY = "authority"
    PARTICIPANT = "participant"


class MemberState(StrEnum):
    """Whether a member may take part."""

    ACTIVE = "active"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the authority has established about an institution; None = not established.

    `ciio`: operator of critical information infrastructure. `control_test`: who controls it
    for the human genetic resources rules: `cn_controlled`, `foreign_controlled` or `unknown`.
    """

    ciio: bool | None = None
    foreign_controlled: bool | None = None
    control_test: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """An institution admitted to the space."""

    did: str
    name: str
    seat: Seat
    role: MemberRole
    evidence_fingerprint: str
    evidence_public: str
    state: MemberState
    standing: Standing = field(default_factory=Standing)
    admitted_at: str = ""
    revoked_at: str | None = None
    revoked_reason: str = ""

    def as_participant(self) -> Participant:
        """Give the institution without its membership."""
        return Participant(did=self.did, name=self.name, seat=self.seat)


@dataclass(frozen=True, slots=True)
class Invitation:
    """A place kept for an institution until its one-time code is used."""

    id: str
    name: str
    seat: Seat
    role: MemberRole
    standing: Standing
    expires_at: str
    used_by: str | None = None


class PartnershipState(StrEnum):
    """Where a cooperation agreement between two institutions stands."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Signature:
    """One institution's signature over the terms, as a compact JWS of its identity key."""

    did: str
    signed_by: str
    jws: str
    signed_at: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What the two institutions agree on; its canonical form is what both sign."""

    title: str
    programme: str
    parties: tuple[str, ...]
    seats: tuple[Seat, ...]
    scopes: tuple[str, ...]
    required_training: tuple[str, ...]
    starts: str
    expires: str


@dataclass(frozen=True, slots=True)
class Partnership:
    """A cooperation agreement: programme, seats, scopes (purposes), training, and its end."""

    id: str
    title: str
    parties: tuple[str, ...]
    programme: str
    seats: tuple[Seat, ...]
    scopes: tuple[str, ...]
    required_training: tuple[str, ...]
    starts: str
    expires: str
    state: PartnershipState
    signatures: tuple[Signature, ...] = ()
    ended_at: str | None = None
    ended_reason: str = ""

    @property
    def terms(self) -> Terms:
        """The part both institutions sign."""
        return Terms(
            title=self.title,
            programme=self.programme,
            parties=self.parties,
            seats=self.seats,
            scopes=self.scopes,
            required_training=self.required_training,
            starts=self.starts,
            expires=self.expires,
        )


@dataclass(frozen=True, slots=True)
class TrainingCredential:
    """That a person has passed a course, as said by the institution that trained them."""

    id: str
    person_ref: str
    course: str
    issued_at: str
    expires_at: str
    issuer: str
    revoked_at: str | None = None


@dataclass(frozen=True, slots=True)
class PersonAssertion:
    """What an institution says of one of its people to another node; the connector signs it."""

    person_ref: str
    name: str
    institution: str
    trainings: tuple[TrainingCredential, ...]
    project_id: str


@dataclass(frozen=True, slots=True)
class EthicsApproval:
    """The approval of a study by the ethics committee of one site."""

    id: str
    project_id: str
    site: str
    reference: str
    covers_datasets: tuple[str, ...]
    covers_cross_border: bool
    expires_at: str
    recorded_at: str = ""
    recorded_by: str = ""


@dataclass(frozen=True, slots=True)
class ConsentFacts:
    """What the exporter established about the subjects' consent (PIPL Articles 29, 31, 39)."""

    separate: bool
    names_recipient: bool
    covers_cross_border: bool
    guardian: bool


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """On what ground the exporter lets a study use a dataset; consent None = not established."""

    id: str
    project_id: str
    dataset_id: str
    basis: str
    consent: ConsentFacts | None
    security_committee: bool | None = None
    recorded_at: str = ""
    recorded_by: str = ""


class ProjectState(StrEnum):
    """Whether a study still runs."""

    LIVE = "live"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Project:
    """A study: purpose, people, sites, data and how they are looked after."""

    id: str
    title: str
    purpose: str
    lead: str
    people: tuple[str, ...]
    dataset_ids: tuple[str, ...]
    home: str
    data_management_plan: str
    sites: tuple[str, ...] = ()
    state: ProjectState = ProjectState.LIVE
    revision: int = 1
    created_at: str = ""
    ethics: tuple[EthicsApproval, ...] = ()
    legal_basis: tuple[LegalBasis, ...] = ()


@dataclass(frozen=True, slots=True)
class ImpactAssessment:
    """The exporter's personal information protection impact assessment (PIPL Articles 55-56)."""

    id: str
    project_id: str
    dataset_ids: tuple[str, ...]
    done_on: str
    covers_3: bool
    retention_years: int
    recorded_at: str = ""
    recorded_by: str = ""


class MechanismKind(StrEnum):
    """The legal ways across the Mainland border."""

    GBA_SC_HK = "gba_sc_hk"
    GBA_SC_MO = "gba_sc_mo"
    CN_SCC = "cn_scc"
    CAC_ASSESSMENT = "cac_assessment"
    CN_CERT = "cn_cert"
    EXEMPT_EMERGENCY = "exempt_emergency"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class TransferMechanism:
    """The paper under which the exporter provides personal data across the border."""

    id: str
    kind: MechanismKind
    counterparty: str
    effective_on: str
    filed_on: str | None
    filing_reference: str
    purposes: tuple[str, ...]
    dataset_ids: tuple[str, ...]
    ended_at: str | None = None
    recorded_at: str = ""
    recorded_by: str = ""


class ApplicationState(StrEnum):
    """Where an asking for access stands."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Application:
    """The asking for access to one dataset, for named people, a purpose and a term."""

    id: str
    project: Project
    dataset_id: str
    provider: str
    applicant: str
    people: tuple[str, ...]
    purposes: tuple[str, ...]
    variables: tuple[str, ...]
    months: int
    state: ApplicationState
    submitted_at: str = ""
    decided_by: str = ""
    decided_at: str | None = None
    reason: str = ""

    @property
    def grantee(self) -> str:
        """The institution that asks."""
        return self.project.home


class PermitState(StrEnum):
    """Whether a permit still opens anything; one past its term is dead without being ended."""

    LIVE = "live"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Permit:
    """The granting of access by named people to one dataset for a term."""

    id: str
    application_id: str
    project_id: str
    people: tuple[str, ...]
    purposes: tuple[str, ...]
    variables: tuple[str, ...]
    dataset_id: str
    provider: str
    grantee: str
    valid_from: str
    valid_until: str
    state: PermitState
    ended_at: str | None = None
    ended_reason: str = ""

    def is_live_at(self, stamp: str) -> bool:
        """Whether the permit opens its dataset at that moment."""
        return self.state is PermitState.LIVE and self.valid_from <= stamp < self.valid_until


@dataclass(frozen=True, slots=True)
class GateQuestion:
    """Who asks to use what: person_ref empty = everyone the permit names (at negotiation)."""

    provider: str
    recipient: str
    dataset_id: str
    purposes: tuple[str, ...]
    person_ref: str = ""
    project_id: str = ""


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What the gate found, for the rule pack, the evidence and the page."""

    question: GateQuestion
    at: str
    partnership_id: str
    project_id: str
    purpose: str
    permit_id: str
    people: tuple[str, ...]
    variables: tuple[str, ...]
    rule_inputs: Mapping[str, Mapping[str, Value]]
    study: tuple[str, ...] = ()  # everybody who takes part in the study
