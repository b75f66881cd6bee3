"""Judge one use against a policy: pure, closed by default, the first reason in words.

Each enforced term has its checker in CHECKERS; a checker that lacks its fact refuses and names it.
"""

from collections.abc import Callable

from tidegate.kernel.clock import parse_iso
from tidegate.kernel.values import dataclass
from tidegate.policy import values
from tidegate.policy.duo import covers, find_purpose
from tidegate.policy.errors import UseWithheldError
from tidegate.policy.model import Constraint, Enforcement, Operator, Policy, Rule, UseFacts
from tidegate.policy.terms import (
    ACTS,
    CERTIFICATION,
    COMPUTE_PLACE,
    CONSTRAINTS,
    COUNT,
    DATE_TIME,
    DELAY,
    MINIMUM_CELL,
    OUTPUT_REVIEW,
    PURPOSE,
    RECIPIENT,
    RECORD_USE,
    SEAT,
    USE,
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a use is not allowed: the term, a stable code, words, and the fact nobody gave."""

    term: str
    code: str
    message: str
    missing: str | None = None

    def as_error(self) -> UseWithheldError:
        """Return the error a service raises for this refusal."""
        details = {"constraint": self.term} | ({"missing": self.missing} if self.missing else {})
        return UseWithheldError(self.message, code=self.code, **details)


def _missing(term: str, fact: str) -> Refusal:
    return Refusal(
        term,
        "fact_missing",
        f"The policy asks for '{term}', but nobody could say '{fact}'; the use is refused.",
        fact,
    )


def _check_assignee(constraint: Constraint, facts: UseFacts) -> Refusal | None:
    if facts.assignee is None:
        return _missing("assignee", "assignee")
    if facts.assignee in values.parties(constraint.right):
        return None
    return Refusal(
        "assignee", "assignee_refused", "The policy names other recipients than this one."
    )


def _check_seat(constraint: Constraint, facts: UseFacts) -> Refusal | None:
    if facts.seat is None:
        return _missing("seat", "seat")
    listed = facts.seat in values.seats(constraint.right)
    if listed is not (constraint.operator is Operator.IS_NONE_OF):
        return None
    return Refusal(
        "seat", "seat_refused", f"The policy does not admit a recipient seated in {facts.seat}."
    )


def _check_certification(constraint: Constraint, facts: UseFacts) -> Refusal | None:
    if facts.certifications is None:
        return _missing("certification", "certifications")
    asked = values.schemes(constraint.right)
    if set(asked) & set(facts.certifications):
        return None
    return Refusal(
        "certification",
        "certification_missing",
        f"The policy asks for a certification under {' or '.join(asked)}; ask the space's"
        " authority to certify the institution.",
    )


def _check_purpose(constraint: Constraint, facts: UseFacts) -> Refusal | None:
    if facts.purpose is None:
        return _missing("purpose", "purpose")
    asked = find_purpose(facts.purpose)
    granted = values.purposes(constraint.right)
    if asked is not None and any(covers(one, asked) for one in granted):
        return None
    names = ", ".join(one.shorthand for one in granted)
    return Refusal(
        "purpose",
        "purpose_refused",
        f"The policy allows use for {names} only; ask for that purpose.",
    )


def _check_interval(constraint: Constraint, facts: UseFacts) -> Refusal | None:
    if facts.at is None:
        return _missing("interval", "at")
    now, limit = parse_iso(facts.at), values.moment(constraint.right)
    holds = {
        Operator.GTEQ: now >= limit,
        Operator.GT: now > limit,
        Operator.LT: now < limit,
        Operator.LTEQ: now <= limit,
    }[constraint.operator]
    if holds:
        return None
    opens = constraint.operator in (Operator.GTEQ, Operator.GT)
    code, words = ("too_early", "begins") if opens else ("expired", "ended")
    return Refusal("interval", code, f"The time the policy allows {words} at {constraint.right}.")


def _check_count(constraint: Constraint, facts: UseFacts) -> Refusal | None:
    if facts.uses_so_far is None:
        return _missing("count", "uses_so_far")
    limit = use_limit(constraint)
    if facts.uses_so_far < limit:
        return None
    return Refusal("count", "uses_spent", f"All {limit} uses the policy allows are spent.")


def _check_place(constraint: Constraint, facts: UseFacts) -> Refusal | None:
    if facts.place is None:
        return _missing("compute-place", "place")
    if facts.place == values.place(constraint.right):
        return None
    return Refusal(
        "compute-place",
        "place_refused",
        "The policy allows computing where the data are kept only; send a query instead.",
    )


def _check_cell(constraint: Constraint, facts: UseFacts) -> Refusal | None:
    if facts.minimum_cell is None:
        return _missing("minimum-cell", "minimum_cell")
    floor = values.whole(constraint.right)
    if facts.minimum_cell >= floor:
        return None
    return Refusal(
        "minimum-cell",
        "cell_too_small",
        f"The policy asks for at least {floor} people a cell; {facts.minimum_cell} is applied.",
    )


def _check_review(_: Constraint, facts: UseFacts) -> Refusal | None:
    if facts.place is None:
        return _missing("output-review", "place")
    if facts.place == values.IN_PLACE:
        return None  # the lab asks the checker
    return Refusal(
        "output-review",
        "place_refused",
        "The policy asks that a person clears results, which is done only where the data are kept;"
        " send a query instead.",
    )


def _check_logged(_: Constraint | None, facts: UseFacts) -> Refusal | None:
    if facts.logged is None:
        return _missing("log", "logged")
    if facts.logged:
        return None
    return Refusal("log", "not_logged", "The use cannot be recorded as evidence; no log, no data.")


CHECKERS: dict[str, Callable[[Constraint, UseFacts], Refusal | None]] = {
    RECIPIENT: _check_assignee,
    SEAT: _check_seat,
    CERTIFICATION: _check_certification,
    PURPOSE: _check_purpose,
    DATE_TIME: _check_interval,
    COUNT: _check_count,
    COMPUTE_PLACE: _check_place,
    MINIMUM_CELL: _check_cell,
    OUTPUT_REVIEW: _check_review,
}
"""The checker of each enforced constraint, and of what a person checks where the data are."""

WHO = frozenset({RECIPIENT, SEAT, CERTIFICATION})
"""The constraints that ask who the recipient is."""

DUTY_CHECKERS: dict[str, Callable[[Constraint | None, UseFacts], Refusal | None]] = {
    RECORD_USE: _check_logged,
}
"""The checker of each enforced duty."""


def use_limit(constraint: Constraint) -> int:
    """Return how many uses a count constraint allows in all."""
    limit = values.whole(constraint.right)
    return limit if constraint.operator is Operator.LTEQ else limit - 1


def max_uses(policy: Policy) -> int | None:
    """Return the smallest number of uses any permission to use sets, or None if none does."""
    limits = [
        use_limit(one)
        for rule in policy.permissions
        for one in rule.constraints
        if one.left == COUNT
    ]
    return min(limits, default=None)


def ends_at(policy: Policy) -> str | None:
    """Return the moment after which no permission holds any more, as written, or None."""
    ends: list[str] = []
    for rule in policy.permissions:
        limits = [
            str(one.right)
            for one in rule.constraints
            if one.left == DATE_TIME and one.operator in (Operator.LT, Operator.LTEQ)
        ]
        if not limits:
            return None
        ends.append(min(limits, key=parse_iso))
    return max(ends, key=parse_iso, default=None)


def minimum_cell(policy: Policy) -> int | None:
    """Return the largest minimum cell any permission asks for, or None if none does."""
    return max((int(one) for one in _rights(policy.permissions, MINIMUM_CELL)), default=None)


def policy_purposes(policy: Policy) -> tuple[str, ...]:
    """Return the IRIs of the purposes the permissions name, each once, in order."""
    return tuple(dict.fromkeys(_rights(policy.permissions, PURPOSE)))


def delete_within_days(policy: Policy) -> int | None:
    """Return after how many days derived data must be gone, or None if nothing is said."""
    duties = [duty for rule in policy.permissions for duty in rule.duties]
    delays = _rights((*policy.obligations, *duties), DELAY)
    return min((values.delay(one).days for one in delays), default=None)


def _rights(rules: tuple[Rule, ...], left: str) -> tuple[str, ...]:
    found: list[str] = []
    for rule in rules:
        for one in rule.constraints:
            if one.left == left:
                found += [one.right] if isinstance(one.right, str) else one.right
    return tuple(found)


def check_constraints(policy: Policy, facts: UseFacts) -> Refusal | None:
    """Return why `policy` does not allow the use that `facts` describe, or None if it does.

    A use is allowed by one permission whose every constraint and duty holds, and forbidden by a
    prohibition of use unless it is certain that the prohibition does not apply. The reason is the
    first failing constraint of the first permission.
    """
    for rule in policy.prohibitions:
        if rule.action == USE and _prohibits(rule, facts):
            return Refusal("use", "prohibited", "The policy prohibits this use.")
    for duty in policy.obligations:
        if refusal := _duty(duty, facts):
            return refusal
    refusals = [_permission(rule, facts) for rule in policy.permissions if rule.action == USE]
    if None in refusals:
        return None
    return next(
        (one for one in refusals if one is not None),
        Refusal("use", "not_permitted", "The policy permits no use."),
    )


def check_recipient(policy: Policy, facts: UseFacts) -> Refusal | None:
    """Return why `policy` admits nothing by this recipient, whatever the use, or None.

    Judges the terms that ask who the recipient is and leaves the others to the use itself: for
    the catalogue, negotiation and transfer, where nobody uses anything yet.
    """
    first: Refusal | None = None
    for rule in policy.permissions:
        if rule.action != USE:
            continue
        judged = (_constraint(one, facts) for one in rule.constraints if one.left in WHO)
        refusal = next((found for found in judged if found is not None), None)
        if refusal is None:
            return None
        first = first or refusal
    return first or Refusal("use", "not_permitted", "The policy permits no use.")


def audience_of(policy: Policy) -> Policy:
    """Return the part of a policy that `check_recipient` reads: many policies share one."""
    asked = {
        tuple(one for one in rule.constraints if one.left in WHO)
        for rule in policy.permissions
        if rule.action == USE
    }
    everybody = () in asked  # a permission that asks nobody who they are makes the others idle
    kept = [()] if everybody else sorted(asked, key=repr)
    return Policy(permissions=tuple(Rule(USE, constraints) for constraints in kept))


def _permission(rule: Rule, facts: UseFacts) -> Refusal | None:
    for constraint in rule.constraints:
        if refusal := _constraint(constraint, facts):
            return refusal
    for duty in rule.duties:
        if refusal := _duty(duty, facts):
            return refusal
    return None


def _constraint(constraint: Constraint, facts: UseFacts) -> Refusal | None:
    checker = CHECKERS.get(constraint.left)
    if checker is not None:
        return checker(constraint, facts)
    term = CONSTRAINTS.get(constraint.left)
    if term is None or term.enforcement is Enforcement.ENFORCED:
        return Refusal(
            constraint.left,
            "term_unknown",
            "The policy holds a constraint this node cannot check; the use is refused.",
        )
    return None


def _duty(duty: Rule, facts: UseFacts) -> Refusal | None:
    checker = DUTY_CHECKERS.get(duty.action)
    if checker is not None:
        return checker(None, facts)
    act = ACTS.get(duty.action)
    if act is None or act.enforcement is Enforcement.ENFORCED:
        return Refusal(
            duty.action,
            "term_unknown",
            "The policy holds a duty this node cannot check; the use is refused.",
        )
    return None


def _prohibits(rule: Rule, facts: UseFacts) -> bool:
    """Return whether a prohibition applies; a missing fact does not clear it."""
    for constraint in rule.constraints:
        refusal = _constraint(constraint, facts)
        if refusal is not None and refusal.code not in ("fact_missing", "term_unknown"):
            return False
    return True
