"""Say of a policy whether this node understands it, can keep it, and does not contradict itself.

The check before signing: parse, conflicts, and a registered enforcement for every constraint and
duty (TC609-6-2025-15 §7.1.2.2d and §10.2.1).
"""

from collections.abc import Iterable, Iterator

from tidegate.kernel.errors import InvalidError
from tidegate.kernel.values import dataclass
from tidegate.policy import values
from tidegate.policy.constraints import CHECKERS, DUTY_CHECKERS
from tidegate.policy.errors import (
    AttestationUnacceptedError,
    PolicyInvalidError,
    PolicyUnenforceableError,
)
from tidegate.policy.model import Constraint, Enforcement, Operator, Policy, Rule
from tidegate.policy.terms import ACTS, CONSTRAINTS, COUNT, DATE_TIME, RECIPIENT, SEAT, Act

OPENING = (Operator.GT, Operator.GTEQ)


@dataclass(frozen=True, slots=True)
class Promise:
    """One term as it stands in a policy: its name, its text, and what stands behind it."""

    name: str
    enforcement: Enforcement | None  # None: nothing this node knows
    place: str


def check_known(policy: Policy) -> None:
    """Raise PolicyInvalidError, naming the term, unless this node understands every rule."""
    if not policy.permissions and not policy.prohibitions:
        raise PolicyInvalidError(
            "A policy needs a permission or a prohibition.", code="policy_empty"
        )
    for kind, rule in _rules(policy):
        _check_rule(kind, rule)


def promises(policy: Policy) -> tuple[Promise, ...]:
    """Return every term of `policy` with what stands behind it, in order."""
    return tuple(_promises(policy))


def unenforceable(policy: Policy) -> tuple[str, ...]:
    """Return the names of terms that nothing stands behind (the input of rule TC-04)."""
    return tuple(one.name for one in _promises(policy) if one.enforcement is None)


def attested(policy: Policy) -> tuple[str, ...]:
    """Return the names of terms that rest on the peer's signed word, sorted."""
    words = (one.name for one in _promises(policy) if one.enforcement is Enforcement.ATTESTED)
    return tuple(sorted(set(words)))


def conflicts(policy: Policy) -> tuple[str, ...]:
    """Return, in words, how rules of `policy` contradict each other (TC609-6-2025-15 §7.1.2.1)."""
    found = [words for rule in policy.permissions for words in _rule_conflicts(rule)]
    permitted = {rule.action for rule in policy.permissions}
    found += [
        f"'{rule.action}' is permitted and wholly prohibited"
        for rule in policy.prohibitions
        if rule.action in permitted and not rule.constraints
    ]
    return tuple(found)


def check_enforceable(policy: Policy) -> None:
    """Raise unless every term is known, has something behind it, and none contradicts another."""
    nameless = unenforceable(policy)
    if nameless:
        raise PolicyUnenforceableError(
            f"Nothing here keeps {', '.join(nameless)}; take it out of the policy.",
            code="constraint_unenforceable",
            terms=", ".join(nameless),
        )
    check_known(policy)
    clashes = conflicts(policy)
    if clashes:
        raise PolicyUnenforceableError(
            f"The policy contradicts itself: {'; '.join(clashes)}.", code="policy_conflict"
        )


def check_attested_accepted(policy: Policy, accepted: Iterable[str]) -> None:
    """Raise AttestationUnacceptedError unless every attested term is accepted by its name."""
    open_names = sorted(set(attested(policy)) - set(accepted))
    if open_names:
        raise AttestationUnacceptedError(
            f"Accept by name what rests on the other side's word: {', '.join(open_names)}.",
            code="attestation_unaccepted",
            terms=", ".join(open_names),
        )


def _rules(policy: Policy) -> Iterator[tuple[str, Rule]]:
    groups = (
        ("permission", policy.permissions),
        ("prohibition", policy.prohibitions),
        ("duty", policy.obligations),
    )
    for kind, rules in groups:
        for rule in rules:
            yield kind, rule
            yield from (("duty", duty) for duty in rule.duties)


def _check_rule(kind: str, rule: Rule) -> None:
    act = ACTS.get(rule.action)
    if act is None or kind not in act.stands_in:
        raise PolicyInvalidError(
            f"This node knows no {kind} to '{rule.action}'.",
            code="action_unknown",
            term=rule.action,
        )
    if rule.duties and kind != "permission":
        raise PolicyInvalidError(
            f"A duty may stand in a permission only, not in a {kind}.", code="duty_misplaced"
        )
    for constraint in rule.constraints:
        _check_constraint(act, constraint)
    absent = act.needs - {one.left for one in rule.constraints}
    if absent:
        raise PolicyInvalidError(
            f"'{rule.action}' needs the constraint {', '.join(sorted(absent))}.",
            code="constraint_absent",
            term=rule.action,
        )


def _check_constraint(act: Act, constraint: Constraint) -> None:
    term = CONSTRAINTS.get(constraint.left)
    if term is None or constraint.left not in act.takes:
        raise PolicyInvalidError(
            f"This node knows no constraint '{constraint.left}' on '{act.iri}'.",
            code="left_operand_unknown",
            term=constraint.left,
        )
    if constraint.operator not in term.operators:
        raise PolicyInvalidError(
            f"'{term.name}' cannot be compared with '{constraint.operator}'.",
            code="operator_unknown",
            term=constraint.left,
        )
    try:
        term.read(constraint.right)
    except InvalidError as error:
        raise PolicyInvalidError(
            f"'{term.name}' ({term.iri}): {error.message}", code="right_operand", term=term.iri
        ) from None


def _promises(policy: Policy) -> Iterator[Promise]:
    for _, rule in _rules(policy):
        act = ACTS.get(rule.action)
        if act is None:
            yield Promise(rule.action, None, "")
        elif act.enforcement is not None:
            kept = act.enforcement is not Enforcement.ENFORCED or act.iri in DUTY_CHECKERS
            yield Promise(act.name, act.enforcement if kept else None, act.place)
        yield from (_promise(constraint) for constraint in rule.constraints)


def _promise(constraint: Constraint) -> Promise:
    term = CONSTRAINTS.get(constraint.left)
    if term is None:
        return Promise(constraint.left, None, "")
    kept = term.enforcement is not Enforcement.ENFORCED or term.iri in CHECKERS
    return Promise(term.name, term.enforcement if kept else None, term.place)


def _rule_conflicts(rule: Rule) -> Iterator[str]:
    times = [one for one in rule.constraints if one.left == DATE_TIME]
    opens = [values.moment(one.right) for one in times if one.operator in OPENING]
    closes = [values.moment(one.right) for one in times if one.operator not in OPENING]
    if opens and closes and max(opens) >= min(closes):
        yield "its time ends before it begins"
    if len([one for one in rule.constraints if one.left == COUNT]) > 1:
        yield "it limits the number of uses twice"
    if _nobody(values.parties(one.right) for one in rule.constraints if one.left == RECIPIENT):
        yield "no recipient satisfies all it names"
    if _nobody(
        values.seats(one.right)
        for one in rule.constraints
        if one.left == SEAT and one.operator is not Operator.IS_NONE_OF
    ):
        yield "no seat satisfies all it names"


def _nobody(lists: Iterable[tuple[str, ...]]) -> bool:
    sets = [set(one) for one in lists]
    return bool(sets) and not set.intersection(*sets)
