"""Who may do what in the commons, and when two people must act. Pure."""

from dataclasses import asdict, replace

from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Actor, Role
from tidegate.catalogue.model import Classification
from tidegate.commons.errors import NotReadyError, ReportChangedError, SecondPersonError
from tidegate.commons.model import Descriptor, Holding, Stage
from tidegate.deid.model import RiskReport
from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.kernel.errors import InvalidError

STEWARDS = frozenset({Role.STEWARD})
APPROVERS = frozenset({Role.STEWARD, Role.COMMITTEE, Role.OPERATOR})
COMMITTEE = frozenset({Role.COMMITTEE})
KEEPERS = APPROVERS | {Role.AUDITOR}
MAX_RETAIN_YEARS = 100
LONGEST_REASON = 400


def check_role(actor: Actor, roles: frozenset[Role], act: str) -> None:
    """Raise RoleMissingError unless the actor holds one of the roles."""
    if not roles & actor.roles:
        names = " or ".join(sorted(role.value for role in roles))
        raise RoleMissingError(
            f"To {act}, somebody must be a {names}; ask the operator for the role.", act=act
        )


def check_person(actor: Actor, act: str) -> None:
    """Raise SecondPersonError where no person acts: two-person steps are for people."""
    if not actor.person_id:
        raise SecondPersonError(
            f"To {act} takes a signed-in person; say which with --as, or sign in.", act=act
        )


def check_second_person(first: str, actor: Actor, act: str) -> None:
    """Raise SecondPersonError unless another person than `first` acts."""
    check_person(actor, act)
    if actor.id == first:
        raise SecondPersonError(
            f"To {act} takes a second person: whoever began it cannot also finish it.", act=act
        )


def check_signed(holding: Holding) -> None:
    """Raise NotReadyError unless a second person has signed the risk report."""
    if holding.report is None or not holding.report.signed_by:
        raise NotReadyError(
            "The risk report is not signed; a second person signs it first.",
            code="risk_report_unsigned",
        )


def check_same_report(report: RiskReport, named: str) -> None:
    """Raise ReportChangedError unless the report that stands is the one that is named."""
    if report.id != named:
        raise ReportChangedError(
            "The risk report is another one than you name; read it again, then sign that.",
            code="report_changed",
        )


def check_readable(holding: Holding, readable: frozenset[Stage]) -> None:
    """Raise NotReadyError unless rows may be opened in the holding's stage."""
    if holding.stage not in readable:
        raise NotReadyError(
            f"The version is {holding.stage}; its tables can be opened only while it is stored.",
            code="not_readable",
            stage=holding.stage.value,
        )


def proposal_digest(proposal: Classification) -> str:
    """Name a proposal by what it says and who said it, so that an approval is of nothing else."""
    return sha256_hex(canonical_json(asdict(replace(proposal, approved_by="", proposal=""))))


def named(proposal: Classification) -> Classification:
    """Return a proposal with its hash; those of before they were named by it get it here."""
    return replace(proposal, proposal=proposal_digest(proposal))


def check_classification(cn_class: str, level: int, important_status: str, hgr: str) -> None:
    """Refuse values the law does not know (Data Security Law art. 21; GB/T 39725-2020 §6)."""
    wanted = (
        (cn_class in {"core", "important", "general"}, "the class is core, important or general"),
        (level in range(1, 6), "the level is 1 to 5"),
        (
            important_status in {"notified", "published", "checked_not_notified"},
            "important status is notified, published or checked_not_notified",
        ),
        (hgr in {"none", "info", "material"}, "genetic resources are none, info or material"),
    )
    wrong = [words for holds, words in wanted if not holds]
    if wrong:
        raise InvalidError(f"A classification needs: {'; '.join(wrong)}.", code="classification")


def check_descriptor(descriptor: Descriptor) -> None:
    """Refuse a descriptor without a title or with an impossible time of keeping."""
    if not descriptor.title.en.strip():
        raise InvalidError("A dataset needs a title.", code="title_missing")
    if not 1 <= descriptor.retain_years <= MAX_RETAIN_YEARS:
        raise InvalidError("Data are kept from 1 to 100 years.", code="retain_years")


def check_reason(reason: str) -> None:
    """Refuse a reason too long to keep beside the act."""
    if len(reason) > LONGEST_REASON:
        raise InvalidError(f"Give the reason in {LONGEST_REASON} characters.", code="reason_long")
