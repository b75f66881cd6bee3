"""A policy is signed only when everything in it is kept and nothing contradicts."""

import pytest

from tidegate.policy import terms
from tidegate.policy.errors import (
    AttestationUnacceptedError,
    PolicyInvalidError,
    PolicyUnenforceableError,
)
from tidegate.policy.model import Constraint, Enforcement, Operator, Policy, Rule
from tidegate.policy.soundness import (
    attested,
    check_attested_accepted,
    check_enforceable,
    check_known,
    conflicts,
    promises,
    unenforceable,
)
from unit.policy.policies import FACULTY, HOSPITAL, story_policy

COUNT = Constraint(terms.COUNT, Operator.LTEQ, "3")


def use(*constraints):
    return Policy((Rule("use", constraints),))


def when(operator, year):
    return Constraint(terms.DATE_TIME, operator, f"{year}-01-01T00:00:00Z")


def test_every_term_of_the_story_has_something_behind_it():
    kinds = {one.name: one.enforcement for one in promises(story_policy())}

    assert kinds["count"] is Enforcement.ENFORCED
    assert kinds["log"] is Enforcement.ENFORCED
    assert kinds["output-review"] is Enforcement.HUMAN_CHECKED
    assert kinds["delete-within"] is Enforcement.ATTESTED
    assert unenforceable(story_policy()) == ()


def test_every_term_we_know_is_kept_by_one_of_the_three():
    kept = {term.enforcement for term in terms.CONSTRAINTS.values()}

    assert kept == set(Enforcement)


@pytest.mark.parametrize(
    ("policy", "name"),
    [
        (use(Constraint("https://example.org/x", Operator.EQ, "1")), "https://example.org/x"),
        (Policy((Rule("https://example.org/act"),)), "https://example.org/act"),
    ],
)
def test_a_term_nothing_keeps_cannot_be_signed_and_is_named(policy, name):
    assert unenforceable(policy) == (name,)
    with pytest.raises(PolicyUnenforceableError, match=name):
        check_enforceable(policy)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (use(when(Operator.GTEQ, 2027), when(Operator.LT, 2026)), "ends before"),
        (use(COUNT, COUNT), "twice"),
        (
            use(
                Constraint(terms.RECIPIENT, Operator.EQ, FACULTY),
                Constraint(terms.RECIPIENT, Operator.EQ, HOSPITAL),
            ),
            "no recipient",
        ),
        (
            use(
                Constraint(terms.SEAT, Operator.EQ, "HK"),
                Constraint(terms.SEAT, Operator.IS_ANY_OF, ("MO",)),
            ),
            "no seat",
        ),
        (Policy((Rule("use"),), (Rule("use"),)), "prohibited"),
    ],
)
def test_a_contradiction_cannot_be_signed_and_is_told(policy, words):
    assert len(conflicts(policy)) == 1
    with pytest.raises(PolicyUnenforceableError, match=words):
        check_enforceable(policy)


def test_terms_that_narrow_each_other_are_no_contradiction():
    policy = use(
        when(Operator.GTEQ, 2026),
        when(Operator.LT, 2027),
        Constraint(terms.SEAT, Operator.IS_NONE_OF, ("MO",)),
        Constraint(terms.SEAT, Operator.EQ, "HK"),
    )

    assert conflicts(policy) == ()
    check_enforceable(policy)


def test_a_policy_that_says_nothing_is_none():
    with pytest.raises(PolicyInvalidError, match="needs a permission"):
        check_known(Policy(()))


def test_attested_terms_must_be_accepted_by_name():
    policy = story_policy(forbid=(terms.REIDENTIFY,))

    assert attested(policy) == ("delete-within", "no-reidentification")
    with pytest.raises(AttestationUnacceptedError, match="no-reidentification"):
        check_attested_accepted(policy, ["delete-within"])
    check_attested_accepted(policy, ["delete-within", "no-reidentification"])
