"""What may be said in a policy here: the known terms, and the policy people ask for most."""

from typing import TypedDict, Unpack

from tidegate.policy.duo import get_purpose
from tidegate.policy.model import Constraint, Operator, Policy, Rule
from tidegate.policy.soundness import check_enforceable
from tidegate.policy.terms import (
    ACTS,
    CERTIFICATION,
    COMPUTE_PLACE,
    CONSTRAINTS,
    COUNT,
    DATE_TIME,
    DELAY,
    DELETE,
    MINIMUM_CELL,
    OUTPUT_REVIEW,
    PURPOSE,
    RECIPIENT,
    RECORD_USE,
    SEAT,
    USE,
)

__all__ = ["ACTS", "CONSTRAINTS", "ResearchTerms", "research_policy"]


class ResearchTerms(TypedDict, total=False):
    """What may be said of a research policy; everything left out is not limited."""

    assignees: tuple[str, ...]
    seats: tuple[str, ...]
    certifications: tuple[str, ...]  # schemes; one of them will do
    purposes: tuple[str, ...]  # DUO shorthands, codes or IRIs
    starts: str
    until: str
    max_uses: int
    minimum_cell: int  # 10 unless told
    delete_within_days: int
    compute: str  # "in-place" unless told; "" for anywhere
    review: str  # "cross-border" or "every": a checker clears these results
    forbid: tuple[str, ...]  # actions prohibited by name, as IRIs
    log: bool  # True unless told


def research_policy(**terms: Unpack[ResearchTerms]) -> Policy:
    """Return the policy that says these terms, checked to be one this node can keep.

    Raises PolicyInvalidError or PolicyUnenforceableError where a term is malformed or clashes.
    """
    days = terms.get("delete_within_days")
    obligations = [Rule(RECORD_USE)] if terms.get("log", True) else []
    if days is not None:
        deletion = Constraint(DELAY, Operator.LTEQ, f"P{days}D")
        obligations.append(Rule(DELETE, (deletion,)))
    policy = Policy(
        permissions=(Rule(USE, (*_who(terms), *_when(terms), *_how(terms))),),
        prohibitions=tuple(Rule(action) for action in terms.get("forbid", ())),
        obligations=tuple(obligations),
    )
    check_enforceable(policy)
    return policy


def _who(terms: ResearchTerms) -> tuple[Constraint, ...]:
    lists = (
        (RECIPIENT, terms.get("assignees", ())),
        (SEAT, tuple(str(seat) for seat in terms.get("seats", ()))),
        (CERTIFICATION, terms.get("certifications", ())),
        (PURPOSE, tuple(get_purpose(one).iri for one in terms.get("purposes", ()))),
    )
    return tuple(Constraint(left, Operator.IS_ANY_OF, right) for left, right in lists if right)


def _when(terms: ResearchTerms) -> tuple[Constraint, ...]:
    made = []
    if starts := terms.get("starts"):
        made.append(Constraint(DATE_TIME, Operator.GTEQ, starts))
    if until := terms.get("until"):
        made.append(Constraint(DATE_TIME, Operator.LT, until))
    if (uses := terms.get("max_uses")) is not None:
        made.append(Constraint(COUNT, Operator.LTEQ, str(uses)))
    return tuple(made)


def _how(terms: ResearchTerms) -> tuple[Constraint, ...]:
    made = []
    if compute := terms.get("compute", "in-place"):
        made.append(Constraint(COMPUTE_PLACE, Operator.EQ, compute))
    if cell := terms.get("minimum_cell", 10):
        made.append(Constraint(MINIMUM_CELL, Operator.GTEQ, str(cell)))
    if review := terms.get("review"):
        made.append(Constraint(OUTPUT_REVIEW, Operator.EQ, review))
    return tuple(made)
