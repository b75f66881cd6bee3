"""Agreements, decisions and rules over the management API."""

from collections.abc import Mapping

from tidegate.access.model import Role
from tidegate.access.rules import check_has_role
from tidegate.api.kit import Call, Operation
from tidegate.kernel.text import Multilingual
from tidegate.kernel.values import dataclass
from tidegate.policy.model import Agreement, Decision, Value
from tidegate.policy.rulepack.model import LawRule, Receipt, RulePack
from tidegate.policy.service import Sentence, sentences, to_agreement

READERS = (
    Role.OPERATOR, Role.STEWARD, Role.COMMITTEE, Role.CHECKER, Role.LEGAL, Role.AUDITOR,
)  # fmt: skip
"""Who reads decisions: their inputs tell of people's permits, training and consent."""


@dataclass(frozen=True, slots=True)
class GiveReason:
    """The body of every change of an agreement: why."""

    reason: str


@dataclass(frozen=True, slots=True)
class AgreementView:
    """An agreement as people look at it: its state, its ODRL, and its terms in words."""

    id: str
    role: str
    dataset_id: str
    version_id: str
    assigner: str
    assignee: str
    offer_id: str
    signed_at: str
    state: str
    digest: str
    purposes: tuple[str, ...]
    uses: int
    ended_at: str | None
    ended_reason: str
    suspended_by: tuple[str, ...]
    odrl: Mapping[str, object]
    terms: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """A decision with its inputs, made again from its receipt."""

    id: str
    subject: str
    decided_by: str
    decided_at: str
    sha256: str
    inputs: Mapping[str, Mapping[str, Value]]
    decision: Decision


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule of law in words and as it is judged."""

    id: str
    title: Multilingual
    when: str
    requires: str
    otherwise: str
    inputs: tuple[str, ...]
    source: str
    mark: str
    jurisdiction: str
    valid_from: str
    valid_to: str | None
    review_by: str


@dataclass(frozen=True, slots=True)
class PackView:
    """A rule pack the space has listed."""

    name: str
    version: str
    title: Multilingual
    sha256: str
    is_active: bool
    rules: tuple[RuleView, ...]


def list_agreements(call: Call[None]) -> tuple[AgreementView, ...]:
    """List agreements, all or those about `?dataset=`."""
    found = call.house.policy.list_agreements(dataset_id=call.query.get("dataset", ""))
    return tuple(_agreement(call, one) for one in found)


def get_agreement(call: Call[None]) -> AgreementView:
    """Return one agreement."""
    return _agreement(call, call.house.policy.get_agreement(call.path["agreement_id"]))


def suspend_agreement(call: Call[GiveReason]) -> AgreementView:
    """Stop all use under an agreement for now."""
    changed = call.house.policy.suspend_agreement(
        call.path["agreement_id"], call.body.reason, by=call.actor
    )
    return _agreement(call, changed)


def resume_agreement(call: Call[GiveReason]) -> AgreementView:
    """Lift this side's suspension."""
    changed = call.house.policy.resume_agreement(
        call.path["agreement_id"], call.body.reason, by=call.actor
    )
    return _agreement(call, changed)


def end_agreement(call: Call[GiveReason]) -> AgreementView:
    """End an agreement for good."""
    changed = call.house.policy.end_agreement(
        call.path["agreement_id"], call.body.reason, by=call.actor
    )
    return _agreement(call, changed)


def list_decisions(call: Call[None]) -> tuple[ReceiptView, ...]:
    """List the latest decisions, all or those about `?subject=`."""
    check_has_role(call.actor, *READERS)
    found = call.house.rulepacks.list_decisions(subject=call.query.get("subject", ""))
    return tuple(_receipt(one) for one in found)


def get_decision(call: Call[None]) -> ReceiptView:
    """Return one decision, made again from its receipt."""
    check_has_role(call.actor, *READERS)
    return _receipt(call.house.rulepacks.get_receipt(call.path["receipt_id"]))


def replay_decision(call: Call[None]) -> Decision:
    """Make a decision again; refuse where it no longer follows from its inputs."""
    check_has_role(call.actor, *READERS)
    return call.house.rulepacks.replay(call.path["receipt_id"])


def list_packs(call: Call[None]) -> tuple[PackView, ...]:
    """List the rule packs the space has listed."""
    packs = call.house.rulepacks.list_packs()
    return tuple(_pack(one, is_active=one == packs[-1]) for one in packs)


def explain_rule(call: Call[None]) -> RuleView:
    """Explain one rule of the active pack."""
    return _rule(call.house.rulepacks.explain(call.path["rule_id"]))


def _agreement(call: Call[None] | Call[GiveReason], one: Agreement) -> AgreementView:
    return AgreementView(
        id=one.id,
        role=one.role,
        dataset_id=one.dataset_id,
        version_id=one.version_id,
        assigner=one.assigner,
        assignee=one.assignee,
        offer_id=one.offer_id,
        signed_at=one.signed_at,
        state=one.state.value,
        digest=one.digest,
        purposes=one.purposes,
        uses=call.house.policy.uses_so_far(one.id),
        ended_at=one.ended_at,
        ended_reason=one.ended_reason,
        suspended_by=one.suspended_by,
        odrl=to_agreement(one),
        terms=sentences(one.policy),
    )


def _receipt(one: Receipt) -> ReceiptView:
    return ReceiptView(
        one.id, one.subject, one.decided_by, one.decided_at, one.sha256, one.inputs, one.decision
    )


def _pack(one: RulePack, *, is_active: bool) -> PackView:
    rules = tuple(_rule(rule) for rule in one.rules)
    return PackView(one.name, one.version, one.title, one.hash, is_active, rules)


def _rule(one: LawRule) -> RuleView:
    return RuleView(
        id=one.id,
        title=one.title,
        when=one.when_text,
        requires=one.requires_text,
        otherwise=one.otherwise.value,
        inputs=tuple(str(field) for field in one.inputs),
        source=one.source,
        mark=one.mark,
        jurisdiction=one.jurisdiction,
        valid_from=one.valid_from.isoformat(),
        valid_to=one.valid_to.isoformat() if one.valid_to else None,
        review_by=one.review_by.isoformat(),
    )


_ONE = "/agreements/{agreement_id}"

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/agreements",
        list_agreements,
        gives=tuple[AgreementView, ...],
        summary="List agreements",
    ),
    Operation("GET", _ONE, get_agreement, gives=AgreementView, summary="Show an agreement"),
    Operation(
        "POST",
        _ONE + "/suspend",
        suspend_agreement,
        takes=GiveReason,
        gives=AgreementView,
        summary="Suspend an agreement",
    ),
    Operation(
        "POST",
        _ONE + "/resume",
        resume_agreement,
        takes=GiveReason,
        gives=AgreementView,
        summary="Resume an agreement",
    ),
    Operation(
        "POST",
        _ONE + "/end",
        end_agreement,
        takes=GiveReason,
        gives=AgreementView,
        summary="End an agreement",
    ),
    Operation(
        "GET",
        "/decisions",
        list_decisions,
        gives=tuple[ReceiptView, ...],
        summary="List decisions",
    ),
    Operation(
        "GET",
        "/decisions/{receipt_id}",
        get_decision,
        gives=ReceiptView,
        summary="Show a decision",
    ),
    Operation(
        "POST",
        "/decisions/{receipt_id}/replay",
        replay_decision,
        gives=Decision,
        summary="Make a decision again",
    ),
    Operation(
        "GET", "/rulepacks", list_packs, gives=tuple[PackView, ...], summary="List rule packs"
    ),
    Operation(
        "GET", "/rules/{rule_id}", explain_rule, gives=RuleView, summary="Explain a rule of law"
    ),
)
