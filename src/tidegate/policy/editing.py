"""A policy as the fields of a form, and back: pure. What no field shows stays as it was.

Fields are text as people type it; an empty one limits nothing. A term that was not touched keeps
its operator and its writing, so that an unchanged form gives back the same policy.
"""

from dataclasses import replace

from tidegate.kernel.values import dataclass
from tidegate.policy.model import Constraint, Operator, Policy, Rule
from tidegate.policy.soundness import OPENING, check_enforceable
from tidegate.policy.terms import (
    CERTIFICATION,
    COMPUTE_PLACE,
    COUNT,
    DATE_TIME,
    DELAY,
    DELETE,
    DISTRIBUTE,
    MINIMUM_CELL,
    OUTPUT_REVIEW,
    PURPOSE,
    RECIPIENT,
    RECORD_USE,
    REIDENTIFY,
    SEAT,
    USE,
)
from tidegate.policy.values import IN_PLACE


@dataclass(frozen=True, slots=True)
class RuleFields:
    """The fields of one permission to use."""

    recipients: tuple[str, ...] = ()
    seats: tuple[str, ...] = ()
    seats_excluded: bool = False
    certifications: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    starts: str = ""
    until: str = ""
    max_uses: str = ""
    in_place: bool = False
    minimum_cell: str = ""
    review: str = ""


@dataclass(frozen=True, slots=True)
class PolicyFields:
    """The fields of a whole policy: one group for each permission, and what holds for all."""

    rules: tuple[RuleFields, ...]
    no_distribution: bool = False
    no_reidentification: bool = False
    log: bool = False
    delete_within_days: str = ""


_Right = tuple[str, ...] | str


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where a field stands in a rule: its left operand, which end of a time, its usual operator."""

    left: str
    operator: Operator
    opens: bool = False

    def finds(self, constraint: Constraint) -> bool:
        """Tell whether a constraint is what this field shows."""
        opens = constraint.left == DATE_TIME and constraint.operator in OPENING
        return (constraint.left, opens) == (self.left, self.opens)


_RECIPIENT = _Slot(RECIPIENT, Operator.IS_ANY_OF)
_SEAT = _Slot(SEAT, Operator.IS_ANY_OF)
_CERTIFICATION = _Slot(CERTIFICATION, Operator.IS_ANY_OF)
_PURPOSE = _Slot(PURPOSE, Operator.IS_ANY_OF)
_STARTS = _Slot(DATE_TIME, Operator.GTEQ, opens=True)
_UNTIL = _Slot(DATE_TIME, Operator.LT)
_COUNT = _Slot(COUNT, Operator.LTEQ)
_PLACE = _Slot(COMPUTE_PLACE, Operator.EQ)
_CELL = _Slot(MINIMUM_CELL, Operator.GTEQ)
_REVIEW = _Slot(OUTPUT_REVIEW, Operator.EQ)
_DELAY = _Slot(DELAY, Operator.LTEQ)


def fields_of(policy: Policy) -> PolicyFields:
    """Return what a form shows of a policy."""
    bare = {rule.action for rule in policy.prohibitions if not rule.constraints}
    duties = {rule.action for rule in policy.obligations}
    return PolicyFields(
        rules=tuple(_fields(rule) for rule in policy.permissions if rule.action == USE),
        no_distribution=DISTRIBUTE in bare,
        no_reidentification=REIDENTIFY in bare,
        log=RECORD_USE in duties,
        delete_within_days=_days_of(policy.obligations),
    )


def with_fields(policy: Policy, fields: PolicyFields) -> Policy:
    """Return the policy with the fields of a form; what the form does not show is kept.

    Raises PolicyInvalidError or PolicyUnenforceableError where a field is malformed or clashes.
    """
    given = iter(fields.rules)
    permissions = tuple(
        _with(rule, next(given, _fields(rule))) if rule.action == USE else rule
        for rule in policy.permissions
    )
    changed = Policy(
        permissions=permissions or tuple(_with(Rule(USE), one) for one in given),
        prohibitions=_prohibitions(policy.prohibitions, fields),
        obligations=_obligations(policy.obligations, fields),
    )
    check_enforceable(changed)
    return changed


def _fields(rule: Rule) -> RuleFields:
    seat = _find(rule, _SEAT)
    return RuleFields(
        recipients=_list(rule, _RECIPIENT),
        seats=_list(rule, _SEAT),
        seats_excluded=seat is not None and seat.operator is Operator.IS_NONE_OF,
        certifications=_list(rule, _CERTIFICATION),
        purposes=_list(rule, _PURPOSE),
        starts=_text(rule, _STARTS),
        until=_text(rule, _UNTIL),
        max_uses=_limit(rule),
        in_place=_find(rule, _PLACE) is not None,
        minimum_cell=_text(rule, _CELL),
        review=_text(rule, _REVIEW),
    )


def _limit(rule: Rule) -> str:
    """Return the number of uses allowed; `lt 101` is shown as 100."""
    found = _find(rule, _COUNT)
    if found is None or found.operator is Operator.LTEQ or not str(found.right).isdecimal():
        return _text(rule, _COUNT)
    return str(int(str(found.right)) - 1)


def _with(rule: Rule, fields: RuleFields) -> Rule:
    now = _fields(rule)
    seats = Operator.IS_NONE_OF if fields.seats_excluded else Operator.IS_ANY_OF
    flipped = now.seats_excluded is not fields.seats_excluded
    for slot, old, new in (
        (_RECIPIENT, now.recipients, fields.recipients),
        (replace(_SEAT, operator=seats), () if flipped else now.seats, fields.seats),
        (_CERTIFICATION, now.certifications, fields.certifications),
        (_PURPOSE, now.purposes, fields.purposes),
        (_STARTS, now.starts, fields.starts),
        (_UNTIL, now.until, fields.until),
        (_COUNT, now.max_uses, fields.max_uses),
        (_PLACE, IN_PLACE if now.in_place else "", IN_PLACE if fields.in_place else ""),
        (_CELL, now.minimum_cell, fields.minimum_cell),
        (_REVIEW, now.review, fields.review),
    ):
        if old != new or (flipped and slot.left == SEAT):
            rule = _put(rule, slot, new)
    return rule


def _put(rule: Rule, slot: _Slot, right: _Right) -> Rule:
    """Put a value where the field's constraint stands, at the end if there is none."""
    made = Constraint(slot.left, _operator(rule, slot), right) if right else None
    kept: list[Constraint] = []
    is_placed = False
    for one in rule.constraints:
        if is_placed or not slot.finds(one):
            kept.append(one)
        else:
            is_placed = True
            kept += [made] if made is not None else []
    if not is_placed and made is not None:
        kept.append(made)
    return replace(rule, constraints=tuple(kept))


def _operator(rule: Rule, slot: _Slot) -> Operator:
    """Keep how a moment is compared; lists and numbers get the usual operator."""
    found = _find(rule, slot)
    return found.operator if found is not None and slot.left == DATE_TIME else slot.operator


def _prohibitions(rules: tuple[Rule, ...], fields: PolicyFields) -> tuple[Rule, ...]:
    wanted = {DISTRIBUTE: fields.no_distribution, REIDENTIFY: fields.no_reidentification}
    kept = [one for one in rules if one.constraints or wanted.get(one.action, True)]
    present = {one.action for one in kept if not one.constraints}
    return (
        *kept,
        *(Rule(action) for action, is_on in wanted.items() if is_on and action not in present),
    )


def _obligations(rules: tuple[Rule, ...], fields: PolicyFields) -> tuple[Rule, ...]:
    if _days_of(rules) != fields.delete_within_days:
        days = fields.delete_within_days
        deletion = (_put(Rule(DELETE), _DELAY, f"P{days}D"),) if days else ()
        rules = _swapped(rules, DELETE, deletion)
    if fields.log is not any(rule.action == RECORD_USE for rule in rules):
        rules = _swapped(rules, RECORD_USE, (Rule(RECORD_USE),) if fields.log else ())
    return rules


def _swapped(rules: tuple[Rule, ...], action: str, new: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Put the new rules where the first of that action stands, at the end if there is none."""
    place = next((n for n, one in enumerate(rules) if one.action == action), len(rules))
    before, after = rules[:place], rules[place:]
    return (*before, *new, *(one for one in after if one.action != action))


def _days_of(rules: tuple[Rule, ...]) -> str:
    found = next((_text(rule, _DELAY) for rule in rules if rule.action == DELETE), "")
    return found.removeprefix("P").removesuffix("D")


def _find(rule: Rule, slot: _Slot) -> Constraint | None:
    return next((one for one in rule.constraints if slot.finds(one)), None)


def _list(rule: Rule, slot: _Slot) -> tuple[str, ...]:
    found = _find(rule, slot)
    if found is None:
        return ()
    return (found.right,) if isinstance(found.right, str) else found.right


def _text(rule: Rule, slot: _Slot) -> str:
    return ", ".join(_list(rule, slot))
