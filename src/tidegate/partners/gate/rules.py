"""The one conjunction: everything that must hold before a person uses a dataset, in order.

Pure: it is given what is known (`Known`) and answers the first thing that does not hold.
"""

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import date

from tidegate.kernel.values import dataclass
from tidegate.partners.model import (
    EthicsApproval,
    GateQuestion,
    ImpactAssessment,
    LegalBasis,
    Member,
    MemberState,
    Partnership,
    PartnershipState,
    Permit,
    PermitState,
    Project,
    ProjectState,
    TrainingCredential,
    TransferMechanism,
)
from tidegate.partners.purpose import covers
from tidegate.partners.training.rules import find_missing


@dataclass(frozen=True, slots=True)
class Known:
    """What this node knows about one question; None = there is no such thing on record.

    `holds_papers`: whether this is the exporter's node, where legal basis, impact assessment,
    mechanism and export ledger are kept. `at` is the moment, `today` the exporter's local day.
    """

    question: GateQuestion
    at: str
    today: date
    provider: Member | None = None
    recipient: Member | None = None
    partnership: Partnership | None = None
    trainings: tuple[TrainingCredential, ...] = ()
    project: Project | None = None
    permit: Permit | None = None
    holds_papers: bool = True
    impact_assessment: ImpactAssessment | None = None
    mechanism: TransferMechanism | None = None
    workdays_since_effect: int = 0
    first_export_on: date | None = None
    exported_sensitive: int = 0
    exported_nonsensitive: int = 0

    @property
    def is_within_one_institution(self) -> bool:
        """Whether an institution uses its own data."""
        return self.question.provider == self.question.recipient

    @property
    def crosses_border(self) -> bool:
        """Whether the two seats are under different law; unknown seats count as different."""
        if self.provider is None or self.recipient is None:
            return True
        return self.provider.seat.jurisdiction != self.recipient.seat.jurisdiction

    @property
    def leaves_mainland(self) -> bool:
        """Whether Mainland data would be provided outside the Mainland."""
        is_mainland = self.provider is not None and self.provider.seat.is_mainland
        return is_mainland and self.crosses_border

    @property
    def people(self) -> tuple[str, ...]:
        """The people it is about: the one who asks, or all the permit names."""
        if self.question.person_ref:
            return (self.question.person_ref,)
        return () if self.permit is None else self.permit.people

    @property
    def legal_basis(self) -> LegalBasis | None:
        """The latest legal basis recorded for the study and the dataset."""
        bases = () if self.project is None else self.project.legal_basis
        fitting = [one for one in bases if one.dataset_id == self.question.dataset_id]
        return fitting[-1] if fitting else None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The first condition that does not hold: a stable code, a sentence, and names in it."""

    code: str
    message: str
    details: Mapping[str, str] = field(default_factory=dict)


def find_refusal(known: Known) -> Refusal | None:
    """Return the first condition that does not hold, in the order of CONDITIONS, or None."""
    for condition in CONDITIONS:
        refusal = condition(known)
        if refusal is not None:
            return refusal
    return None


def _membership(known: Known) -> Refusal | None:
    asked = (
        (known.question.recipient, known.recipient),
        (known.question.provider, known.provider),
    )
    for did, member in asked:
        if member is None:
            return Refusal(
                "member_unknown",
                f"{did} is no member of the space; the authority admits it.",
                {"did": did},
            )
        if member.state is not MemberState.ACTIVE:
            return Refusal(
                "member_revoked", f"The membership of {member.name} was revoked.", {"did": did}
            )
    return None


def _partnership(known: Known) -> Refusal | None:
    if known.is_within_one_institution:
        return None
    partnership = known.partnership
    if partnership is None:
        return Refusal(
            "partnership_missing",
            "The two institutions have no partnership; their legal offices must sign one.",
        )
    names = {"partnership": partnership.id}
    if partnership.state is not PartnershipState.ACTIVE:
        return Refusal(
            "partnership_not_active",
            f"The partnership is {partnership.state.value}; it needs both signatures.",
            names,
        )
    if not partnership.starts <= known.at < partnership.expires:
        return Refusal(
            "partnership_out_of_term",
            f"The partnership runs from {partnership.starts} to {partnership.expires}; renew it.",
            names,
        )
    return _partnership_reach(known, partnership)


def _partnership_reach(known: Known, partnership: Partnership) -> Refusal | None:
    names = {"partnership": partnership.id}
    for member in (known.recipient, known.provider):
        if member is not None and member.seat not in partnership.seats:
            return Refusal(
                "partnership_seat_outside",
                f"The partnership does not cover institutions seated in {member.seat.value}.",
                {**names, "seat": member.seat.value},
            )
    purposes = known.question.purposes if known.project is None else (known.project.purpose,)
    for purpose in purposes:
        if not covers(partnership.scopes, purpose):
            return Refusal(
                "partnership_purpose_outside",
                f"The partnership does not cover the purpose {purpose}.",
                {**names, "purpose": purpose},
            )
    return None


def missing_training(known: Known) -> tuple[tuple[str, str], ...]:
    """Return the (person, course) pairs that the partnership requires and nobody certified."""
    courses = () if known.partnership is None else known.partnership.required_training
    return find_missing(known.trainings, known.people, courses, known.at)


def _training(known: Known) -> Refusal | None:
    missing = missing_training(known)
    if not missing:
        return None
    person, course = missing[0]
    return Refusal(
        "training_missing",
        f"A person has not passed the course '{course}', or it has expired; a trainer of their"
        " institution can certify it.",
        {"person": person, "course": course},
    )


def _project(known: Known) -> Refusal | None:
    project = known.project
    if project is None:
        return Refusal(
            "project_missing",
            "No study of the institution that asks is known for this dataset; apply for access.",
        )
    names = {"project": project.id}
    if project.state is not ProjectState.LIVE:
        return Refusal("project_closed", f"The study '{project.title}' is closed.", names)
    for person in known.people:
        if person not in project.people:
            return Refusal(
                "project_person_outside",
                f"{person} takes no part in the study '{project.title}'; its lead can add them.",
                {**names, "person": person},
            )
    if known.question.purposes and not covers(known.question.purposes, project.purpose):
        return Refusal(
            "project_purpose_outside",
            f"The study's purpose {project.purpose} lies outside what the agreement is for.",
            {**names, "purpose": project.purpose},
        )
    return None


def approvals_of(known: Known, site: str) -> tuple[EthicsApproval, ...]:
    """Return the ethics approvals of a site that are current."""
    ethics = () if known.project is None else known.project.ethics
    return tuple(one for one in ethics if one.site == site and known.at < one.expires_at)


def sites_of(known: Known) -> tuple[str, ...]:
    """Return the sites that must approve: those of the study, and where the data are."""
    sites = () if known.project is None else known.project.sites
    return tuple(dict.fromkeys((*sites, known.question.recipient, known.question.provider)))


def _ethics(known: Known) -> Refusal | None:
    for site in sites_of(known):
        refusal = _ethics_at(known, site)
        if refusal is not None:
            return refusal
    return None


def _ethics_at(known: Known, site: str) -> Refusal | None:
    names = {"site": site, "dataset": known.question.dataset_id}
    current = approvals_of(known, site)
    if not current:
        ever = known.project is not None and any(one.site == site for one in known.project.ethics)
        if ever:
            return Refusal(
                "ethics_expired", f"The ethics approval at {site} has expired; renew it.", names
            )
        return Refusal(
            "ethics_missing", f"The study has no ethics approval at {site}; ask for one.", names
        )
    covering = [one for one in current if known.question.dataset_id in one.covers_datasets]
    if not covering:
        return Refusal(
            "ethics_dataset_outside",
            f"The ethics approval at {site} does not cover this dataset; ask for an amendment.",
            names,
        )
    if known.crosses_border and not any(one.covers_cross_border for one in covering):
        return Refusal(
            "ethics_cross_border_outside",
            f"The ethics approval at {site} does not cover use across the border.",
            names,
        )
    return None


def _law(known: Known) -> Refusal | None:
    if not known.holds_papers:
        return None  # the exporter's node keeps these and asks itself
    names = {"dataset": known.question.dataset_id}
    if known.legal_basis is None:
        return Refusal(
            "legal_basis_missing",
            "The legal office of the provider has recorded no legal basis for this study and"
            " dataset.",
            names,
        )
    if not known.leaves_mainland:
        return None
    if known.impact_assessment is None:
        return Refusal(
            "impact_assessment_missing",
            "Data of the Mainland cannot be provided outside it without an impact assessment"
            " (PIPL Article 55); the provider's legal office must record one.",
            names,
        )
    if known.mechanism is None:
        return Refusal(
            "mechanism_missing",
            "Data of the Mainland cannot be provided outside it without a standard contract, a"
            " certificate or an assessment (PIPL Article 38); the provider must record one.",
            names,
        )
    return None


def _permit(known: Known) -> Refusal | None:
    permit = known.permit
    if permit is None:
        return Refusal(
            "permit_missing", "No permit opens this dataset for the study; apply for access."
        )
    names = {"permit": permit.id}
    if permit.state is not PermitState.LIVE:
        reason = permit.ended_reason.rstrip(".")
        return Refusal("permit_ended", f"The permit was ended: {reason}.", names)
    if not permit.valid_from <= known.at < permit.valid_until:
        return Refusal(
            "permit_out_of_term",
            f"The permit runs from {permit.valid_from} to {permit.valid_until}; apply again.",
            names,
        )
    for person in known.people:
        if person not in permit.people:
            return Refusal(
                "permit_person_outside",
                f"The permit does not name {person}; apply for them.",
                {**names, "person": person},
            )
    return _permit_reach(known, permit)


def _permit_reach(known: Known, permit: Permit) -> Refusal | None:
    names = {"permit": permit.id}
    if permit.dataset_id != known.question.dataset_id:
        return Refusal("permit_dataset_outside", "The permit is for another dataset.", names)
    purposes = known.question.purposes
    if purposes and not any(covers(purposes, one) for one in permit.purposes):
        return Refusal(
            "permit_purpose_outside",
            "What the permit was granted for lies outside what the agreement is for.",
            names,
        )
    return None


CONDITIONS: tuple[Callable[[Known], Refusal | None], ...] = (
    _membership,
    _partnership,
    _training,
    _project,
    _ethics,
    _law,
    _permit,
)
"""Membership, partnership, training, study, ethics, law, permit: the order reasons are told in."""
