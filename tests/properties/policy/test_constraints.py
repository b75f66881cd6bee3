"""Each use is judged term by term, closed by default."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from properties.policy.policies import policies
from tidegate.policy import terms
from tidegate.policy.constraints import (
    CHECKERS,
    check_constraints,
)
from tidegate.policy.model import Operator, Rule, UseFacts


@settings(max_examples=40)
@given(policies)
def test_a_use_nothing_is_known_of_is_never_allowed_under_limits(policy):
    limited = all(
        any(one.left in CHECKERS for one in rule.constraints) for rule in policy.permissions
    )

    if limited:
        assert check_constraints(policy, UseFacts()) is not None


def naive_holds(constraint, facts):
    """One constraint as a sentence, with no thought for reasons; None where a fact is missing."""
    rights = constraint.right if isinstance(constraint.right, tuple) else (constraint.right,)
    listed = constraint.operator is not Operator.IS_NONE_OF
    broader = {"DS": "4 42 6 7", "POA": "4 42 11"}[facts.purpose] if facts.purpose else ""
    strict = constraint.operator is Operator.LT
    table = {
        terms.RECIPIENT: (facts.assignee, lambda v: v in rights),
        terms.SEAT: (facts.seat, lambda v: (v in rights) is listed),
        terms.PURPOSE: (
            facts.purpose,
            lambda _: any(str(int(one[-7:])) in broader.split() for one in rights),
        ),
        terms.DATE_TIME: (
            facts.at,
            lambda v: v < rights[0] if strict else v >= rights[0],
        ),
        terms.COUNT: (
            facts.uses_so_far,
            lambda v: v + 1 < int(rights[0]) if strict else v + 1 <= int(rights[0]),
        ),
        terms.MINIMUM_CELL: (facts.minimum_cell, lambda v: v >= int(rights[0])),
        terms.COMPUTE_PLACE: (facts.place, lambda v: v == "in-place"),
        terms.OUTPUT_REVIEW: (facts.place, lambda v: v == "in-place"),
    }
    fact, holds = table[constraint.left]
    return None if fact is None else holds(fact)


def naive_allows(policy, facts):
    logs = Rule(terms.RECORD_USE)

    def fits(rule):
        return all(naive_holds(one, facts) for one in rule.constraints) and (
            facts.logged is True or logs not in rule.duties
        )

    forbidden = any(
        rule.action == "use" and not any(naive_holds(c, facts) is False for c in rule.constraints)
        for rule in policy.prohibitions
    )
    logged = facts.logged is True or logs not in policy.obligations
    return logged and not forbidden and any(fits(rule) for rule in policy.permissions)


facts_ = st.builds(
    UseFacts,
    assignee=st.sampled_from([None, "did:web:a.example"]),
    seat=st.sampled_from([None, "HK", "MO", "CN-GBA9"]),
    purpose=st.sampled_from([None, "DS", "POA"]),
    at=st.sampled_from([None, "0001-01-01T00:00:00Z", "2500-01-01T00:00:00Z"]),
    uses_so_far=st.sampled_from([None, 0, 1, 10**6]),
    place=st.sampled_from([None, "in-place", "abroad"]),
    minimum_cell=st.sampled_from([None, 1, 10**6]),
    logged=st.sampled_from([None, True, False]),
)


@pytest.mark.slow
@settings(max_examples=150)
@given(policies, facts_)
def test_a_use_is_allowed_exactly_when_a_naive_reading_allows_it(policy, facts):
    assert (check_constraints(policy, facts) is None) is naive_allows(policy, facts)
