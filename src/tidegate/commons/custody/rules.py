"""What a person may do with a version now: the rules of the services as answers for screens. Pure.

The services ask themselves again when somebody acts: what stands here only decides what is offered.
"""

from collections.abc import Callable, Mapping

from tidegate.access.model import Actor, Role
from tidegate.commons import rules
from tidegate.commons.custody.model import Act, Custody
from tidegate.commons.lifecycle import LIFECYCLE
from tidegate.commons.model import Stage
from tidegate.kernel.values import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """Who does an act, by which move of the life, and what must be there."""

    roles: frozenset[Role]
    move: tuple[str, str] | None = None
    """The action in the life of a version, and as what it is done."""
    ready: Callable[[Custody], bool] = lambda _: True
    first: Callable[[Custody], str] = lambda _: ""
    """Who began it: another person goes on."""


_WITH_OBJECTS = frozenset(Stage) - {Stage.PLANNED, Stage.GENERATED, Stage.DESTROYED}

RULES: Mapping[Act, Rule] = {
    Act.PROPOSE: Rule(rules.STEWARDS, ("classify", "approver")),
    Act.APPROVE: Rule(
        rules.APPROVERS,
        ("classify", "approver"),
        lambda one: one.has_proposal,
        lambda one: one.proposal.proposed_by if one.proposal else "",
    ),
    Act.DEIDENTIFY: Rule(rules.STEWARDS, ("deidentify", "steward")),
    Act.SIGN: Rule(
        rules.APPROVERS,
        None,
        lambda one: one.has_unsigned_report and one.is_signable,
        lambda one: one.holding.report.author if one.holding.report else "",
    ),
    Act.STORE: Rule(rules.STEWARDS, ("store", "steward"), lambda one: one.is_signed),
    Act.ARCHIVE: Rule(rules.STEWARDS, ("archive", "steward")),
    Act.RECALL: Rule(rules.STEWARDS, ("recall", "steward")),
    Act.CHECK: Rule(rules.KEEPERS, None, lambda one: one.holding.stage in _WITH_OBJECTS),
    Act.RESTRICT: Rule(rules.COMMITTEE, ("restrict", "committee")),
    Act.UNRESTRICT: Rule(rules.COMMITTEE, ("unrestrict", "committee")),
    Act.SUSPEND: Rule(rules.STEWARDS, ("suspend", "steward")),
    Act.RESUME: Rule(rules.STEWARDS, ("resume", "steward")),
    Act.QUARANTINE: Rule(rules.STEWARDS, ("quarantine", "steward")),
    Act.RELEASE: Rule(rules.APPROVERS, ("release", "approver")),
    Act.REQUEST_DESTRUCTION: Rule(
        rules.APPROVERS, ("destroy", "approver"), lambda one: not one.is_ending
    ),
    Act.APPROVE_DESTRUCTION: Rule(
        rules.APPROVERS,
        ("destroy", "approver"),
        lambda one: one.has_request,
        lambda one: one.destruction.requested_by if one.destruction else "",
    ),
}

NEXT = (
    Act.APPROVE_DESTRUCTION,
    Act.APPROVE,
    Act.SIGN,
    Act.STORE,
    Act.PROPOSE,
    Act.DEIDENTIFY,
    Act.RELEASE,
)
"""The acts that a version waits for; the others are done when somebody wants to."""


def may_look_after(actor: Actor) -> bool:
    """Tell whether somebody is among those who keep versions."""
    return bool(actor.roles & rules.KEEPERS)


def acts_for(actor: Actor, custody: Custody) -> frozenset[Act]:
    """Return what a person may do with a version now."""
    return frozenset(act for act, rule in RULES.items() if _may(actor, custody, rule))


def next_for(actor: Actor, custody: Custody) -> Act | None:
    """Return the one act of a person that a version waits for, or None where it waits for none."""
    may = acts_for(actor, custody)
    return next((act for act in NEXT if act in may and _is_due(act, custody)), None)


def since(act: Act, custody: Custody) -> str:
    """Return since when a version waits for an act, as far as it is known."""
    holding, report, ending = custody.holding, custody.holding.report, custody.destruction
    moments = {
        Act.PROPOSE: holding.acquired_at,
        Act.APPROVE: custody.proposed_at,
        Act.DEIDENTIFY: report.created_at if report else custody.approved_at,
        Act.SIGN: report.created_at if report else "",
        Act.STORE: report.signed_at if report else "",
        Act.RELEASE: holding.fixity_checked_at,
        Act.APPROVE_DESTRUCTION: ending.requested_at if ending else "",
    }
    return moments.get(act, "")


def _is_due(act: Act, custody: Custody) -> bool:
    """Leave out what could be done once more, and what nobody needs once the end was asked for."""
    if act is Act.PROPOSE:
        return custody.proposal is None and not custody.is_ending
    if act is Act.DEIDENTIFY:
        is_over = custody.has_unsigned_report and not custody.is_signable
        is_due = custody.holding.stage is Stage.CLASSIFIED or is_over
        return is_due and not custody.is_ending
    return True


def _may(actor: Actor, custody: Custody, rule: Rule) -> bool:
    if not (actor.person_id and rule.roles & actor.roles and rule.ready(custody)):
        return False
    if rule.move is not None and not _goes(custody.holding.stage, *rule.move):
        return False
    return actor.id != rule.first(custody)


def _goes(stage: Stage, action: str, by: str) -> bool:
    return any(
        (move.source, move.action, move.by) == (stage, action, by) for move in LIFECYCLE.moves
    )
