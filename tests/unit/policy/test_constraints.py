"""Each use is judged term by term, closed by default."""

from dataclasses import replace

import pytest

from tidegate.policy import terms
from tidegate.policy.constraints import (
    CHECKERS,
    DUTY_CHECKERS,
    check_constraints,
    check_recipient,
    delete_within_days,
    ends_at,
    max_uses,
    minimum_cell,
    policy_purposes,
)
from tidegate.policy.model import Constraint, Enforcement, Operator, Policy, Rule, UseFacts
from tidegate.policy.rows import rows_refusal
from tidegate.policy.vocabulary import research_policy
from unit.policy.policies import FACULTY, good_facts, story_policy

REFUSED = {
    terms.RECIPIENT: (Operator.IS_ANY_OF, ("did:web:other.example",)),
    terms.SEAT: (Operator.IS_NONE_OF, ("HK",)),
    terms.CERTIFICATION: (Operator.IS_ANY_OF, ("iso-27001", "gb-t-35273")),
    terms.PURPOSE: (Operator.EQ, "http://purl.obolibrary.org/obo/DUO_0000011"),
    terms.DATE_TIME: (Operator.LT, "2020-01-01T00:00:00Z"),
    terms.COUNT: (Operator.LT, "1"),
    terms.COMPUTE_PLACE: (Operator.EQ, "in-place"),
    terms.MINIMUM_CELL: (Operator.GTEQ, "11"),
}


def one(left, operator, right):
    return Policy((Rule("use", (Constraint(left, operator, right),)),))


def enforced_terms():
    return [iri for iri, term in terms.CONSTRAINTS.items() if term.enforcement is _ENFORCED]


_ENFORCED = Enforcement.ENFORCED


@pytest.mark.parametrize("iri", enforced_terms())
def test_every_enforced_constraint_has_a_checker_that_can_refuse(iri):
    operator, right = REFUSED[iri]
    place = "elsewhere" if iri == terms.COMPUTE_PLACE else "in-place"

    refusal = CHECKERS[iri](Constraint(iri, operator, right), good_facts(place=place))

    assert refusal is not None
    assert refusal.term == terms.CONSTRAINTS[iri].name


@pytest.mark.parametrize("iri", enforced_terms())
def test_every_checker_refuses_and_names_the_fact_nobody_gave(iri):
    operator, right = REFUSED[iri]

    refusal = check_constraints(one(iri, operator, right), UseFacts())

    assert refusal.code == "fact_missing"
    assert refusal.missing in UseFacts.__dataclass_fields__
    assert refusal.as_error().details["missing"] == refusal.missing


def test_every_enforced_duty_has_a_checker_that_can_refuse():
    enforced = [iri for iri, act in terms.ACTS.items() if act.enforcement is _ENFORCED]

    assert enforced == list(DUTY_CHECKERS)
    for iri in enforced:
        assert DUTY_CHECKERS[iri](None, good_facts(logged=False)).code == "not_logged"
        assert DUTY_CHECKERS[iri](None, good_facts(logged=None)).missing == "logged"


def test_a_use_inside_every_term_is_allowed():
    assert check_constraints(story_policy(), good_facts()) is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"assignee": "did:web:other.example"}, "assignee_refused"),
        ({"seat": "MO"}, "seat_refused"),
        ({"purpose": "POA"}, "purpose_refused"),
        ({"purpose": "insurance"}, "purpose_refused"),
        ({"at": "2027-01-01T00:00:00Z"}, "expired"),
        ({"uses_so_far": 3}, "uses_spent"),
        ({"place": "abroad"}, "place_refused"),
        ({"minimum_cell": 9}, "cell_too_small"),
        ({"logged": False}, "not_logged"),
    ],
)
def test_each_term_refuses_with_its_own_reason(changes, code):
    refusal = check_constraints(story_policy(), good_facts(**changes))

    assert refusal.code == code
    assert refusal.missing is None
    assert refusal.as_error().code == code


def test_the_first_failing_constraint_is_the_reason():
    refusal = check_constraints(story_policy(), good_facts(seat="MO", purpose="POA"))

    assert refusal.term == "seat"


@pytest.mark.parametrize(
    ("operator", "at", "allowed"),
    [
        (Operator.GTEQ, "2026-01-01T00:00:00Z", True),
        (Operator.GT, "2026-01-01T00:00:00Z", False),
        (Operator.LTEQ, "2026-01-01T00:00:00Z", True),
        (Operator.LT, "2026-01-01T08:00:00+08:00", False),
    ],
)
def test_the_edges_of_an_interval_are_where_the_operator_says(operator, at, allowed):
    policy = one(terms.DATE_TIME, operator, "2026-01-01T00:00:00Z")

    assert (check_constraints(policy, good_facts(at=at)) is None) is allowed


def test_a_use_before_its_time_is_too_early():
    policy = one(terms.DATE_TIME, Operator.GTEQ, "2027-01-01T00:00:00Z")

    assert check_constraints(policy, good_facts()).code == "too_early"


def test_one_permission_that_holds_is_enough():
    closed, open_ = Rule("use", story_policy().permissions[0].constraints), Rule("use")

    assert check_constraints(Policy((closed, open_)), good_facts(seat="MO")) is None


def test_a_policy_without_permission_permits_nothing():
    policy = Policy((), (Rule(terms.DISTRIBUTE),))

    assert check_constraints(policy, good_facts()).code == "not_permitted"


def test_a_prohibition_of_use_wins_over_a_permission():
    policy = replace(one(terms.COUNT, Operator.LTEQ, "5"), prohibitions=(Rule("use"),))

    assert check_constraints(policy, good_facts()).code == "prohibited"


def test_a_prohibition_that_does_not_apply_lets_pass():
    limit = Constraint(terms.SEAT, Operator.IS_ANY_OF, ("MO",))
    policy = Policy((Rule("use"),), (Rule("use", (limit,)), Rule(terms.DISTRIBUTE)))

    assert check_constraints(policy, good_facts()) is None
    assert check_constraints(policy, good_facts(seat=None)).code == "prohibited"


def test_a_duty_of_the_permission_is_checked_too():
    policy = Policy((Rule("use", (), (Rule(terms.RECORD_USE),)),))

    assert check_constraints(policy, good_facts(logged=False)).code == "not_logged"
    assert check_constraints(policy, good_facts()) is None


@pytest.mark.parametrize(
    "policy",
    [
        one("https://example.org/unheard", Operator.EQ, "x"),
        Policy((Rule("use"),), (), (Rule("https://example.org/duty"),)),
    ],
)
def test_a_term_this_node_does_not_know_refuses(policy):
    assert check_constraints(policy, good_facts()).code == "term_unknown"


def test_what_a_policy_says_can_be_asked():
    policy = story_policy()

    assert max_uses(policy) == 3
    assert minimum_cell(policy) == 10
    assert delete_within_days(policy) == 30
    assert ends_at(policy) == "2027-01-01T00:00:00Z"
    assert policy_purposes(policy) == ("http://purl.obolibrary.org/obo/DUO_0000006",)


def test_what_a_policy_does_not_say_is_none():
    policy = research_policy(compute="", minimum_cell=0, assignees=(FACULTY,))

    assert (max_uses(policy), minimum_cell(policy), ends_at(policy)) == (None, None, None)
    assert delete_within_days(policy) is None


def test_a_policy_ends_with_its_last_permission():
    early, late = "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"
    rules = tuple(
        Rule("use", (Constraint(terms.DATE_TIME, Operator.LT, at),)) for at in (late, early)
    )

    assert ends_at(Policy(rules)) == late
    assert ends_at(Policy((*rules, Rule("use")))) is None


def test_any_certification_that_the_policy_names_will_do():
    policy = research_policy(certifications=("iso-27001", "gb-t-35273"))

    assert check_recipient(policy, UseFacts(certifications=("gb-t-35273",))) is None
    refusal = check_recipient(policy, UseFacts(certifications=("other",)))
    assert "certification_missing" == refusal.code
    assert "iso-27001 or gb-t-35273" in refusal.message


def test_a_recipient_is_judged_by_who_it_is_and_by_nothing_else():
    policy = research_policy(
        assignees=(FACULTY,), seats=("HK",), until="2020-01-01T00:00:00Z", max_uses=1
    )

    assert check_recipient(policy, UseFacts(assignee=FACULTY, seat="HK")) is None
    assert "seat_refused" == check_recipient(policy, UseFacts(assignee=FACULTY, seat="MO")).code
    assert "fact_missing" == check_recipient(policy, UseFacts(assignee=FACULTY)).code
    assert "assignee_refused" == check_recipient(policy, UseFacts(assignee="did:web:x")).code


def test_one_permission_that_admits_the_recipient_is_enough():
    strict, open_to_all = Rule("use", (Constraint(terms.SEAT, Operator.EQ, "HK"),)), Rule("use")

    assert check_recipient(Policy((strict, open_to_all)), UseFacts(seat="MO")) is None
    assert check_recipient(Policy((strict,)), UseFacts(seat="MO")).code == "seat_refused"


def test_a_policy_that_permits_no_use_admits_nobody():
    assert "not_permitted" == check_recipient(Policy(permissions=()), UseFacts()).code


def test_rows_do_not_leave_for_a_purpose_whose_results_a_person_must_clear():
    """One permission lets rows leave for one purpose, another asks for review of results."""
    reviewed = Constraint(terms.OUTPUT_REVIEW, Operator.EQ, "every")
    health, disease = (
        Constraint(terms.PURPOSE, Operator.EQ, f"http://purl.obolibrary.org/obo/DUO_{code}")
        for code in ("0000006", "0000007")
    )
    policy = Policy((Rule("use", (health, reviewed)), Rule("use", (disease,))))

    assert rows_refusal(policy) is None
    elsewhere = good_facts(place="elsewhere", purpose="HMB", minimum_cell=None)
    assert "place_refused" == check_constraints(policy, elsewhere).code
    assert check_constraints(policy, replace(elsewhere, purpose="DS")) is None
    assert check_constraints(policy, good_facts(purpose="HMB")) is None
