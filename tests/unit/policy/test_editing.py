"""A policy as the fields of a form, and back."""

from dataclasses import replace

import pytest

from tidegate.policy import terms
from tidegate.policy.editing import PolicyFields, RuleFields, fields_of, with_fields
from tidegate.policy.errors import PolicyInvalidError, PolicyUnenforceableError
from tidegate.policy.model import Constraint, Operator, Policy, Rule
from tidegate.policy.vocabulary import research_policy
from unit.policy.policies import FACULTY, HOSPITAL, story_policy

STORY = fields_of(story_policy())


def edited(policy, *, rule=None, **changes):
    fields = fields_of(policy)
    if rule:
        fields = replace(fields, rules=(replace(fields.rules[0], **rule), *fields.rules[1:]))
    return with_fields(policy, replace(fields, **changes))


def test_the_fields_of_the_story_say_its_terms():
    assert ((FACULTY,), ("HK",), "3", True, "10", "cross-border") == (
        STORY.rules[0].recipients, STORY.rules[0].seats, STORY.rules[0].max_uses,
        STORY.rules[0].in_place, STORY.rules[0].minimum_cell, STORY.rules[0].review,
    )  # fmt: skip
    assert ("30", True, False) == (STORY.delete_within_days, STORY.log, STORY.no_distribution)


@pytest.mark.parametrize(
    ("rule", "terms_"),
    [
        ({"max_uses": "9"}, {"max_uses": 9}),
        ({"minimum_cell": "20"}, {"minimum_cell": 20}),
        ({"until": "2028-01-01T00:00:00Z"}, {"until": "2028-01-01T00:00:00Z"}),
        ({"seats": ("HK", "MO")}, {"seats": ("HK", "MO")}),
        ({"recipients": (HOSPITAL,)}, {"assignees": (HOSPITAL,)}),
        ({"review": "every"}, {"review": "every"}),
        ({"review": ""}, {"review": ""}),
        ({"in_place": False}, {"compute": ""}),
        ({"recipients": ()}, {"assignees": ()}),
    ],
)
def test_a_changed_field_changes_its_term_alone(rule, terms_):
    assert story_policy(**terms_) == edited(story_policy(), rule=rule)


def test_a_field_that_was_empty_adds_its_term_at_the_end():
    policy = edited(story_policy(), rule={"starts": "2026-04-01T00:00:00Z"})

    assert (
        Constraint(terms.DATE_TIME, Operator.GTEQ, "2026-04-01T00:00:00Z")
        == (policy.permissions[0].constraints[-1])
    )


def test_a_certification_can_be_asked_for():
    policy = edited(story_policy(), rule={"certifications": ("iso-27001",)})

    assert (
        Constraint(terms.CERTIFICATION, Operator.IS_ANY_OF, ("iso-27001",))
        == (policy.permissions[0].constraints[-1])
    )


def test_duties_and_prohibitions_are_switches():
    policy = edited(
        story_policy(), no_distribution=True, no_reidentification=True, log=False,
        delete_within_days="",
    )  # fmt: skip

    assert (Rule(terms.DISTRIBUTE), Rule(terms.REIDENTIFY)) == policy.prohibitions
    assert () == policy.obligations
    back = edited(replace(policy, prohibitions=()), log=True, delete_within_days="30")
    assert set(story_policy().obligations) == set(back.obligations)
    assert () == edited(policy, no_distribution=False, no_reidentification=False).prohibitions


def test_a_deletion_gets_another_term():
    assert story_policy(delete_within_days=7) == edited(story_policy(), delete_within_days="7")


def test_seats_can_turn_from_admitted_to_excluded():
    policy = edited(story_policy(), rule={"seats_excluded": True})

    assert Constraint(terms.SEAT, Operator.IS_NONE_OF, ("HK",)) in policy.permissions[0].constraints


def test_fewer_than_is_shown_as_the_number_allowed_and_kept_when_untouched():
    fewer = Policy((Rule("use", (Constraint(terms.COUNT, Operator.LT, "101"),)),))

    assert "100" == fields_of(fewer).rules[0].max_uses
    assert fewer == edited(fewer)
    assert (Constraint(terms.COUNT, Operator.LTEQ, "50"),) == (
        edited(fewer, rule={"max_uses": "50"}).permissions[0].constraints
    )


def test_what_no_field_shows_is_kept():
    strict = Rule("use", (Constraint(terms.SEAT, Operator.EQ, "OTHER"),))
    policy = replace(story_policy(), prohibitions=(strict,))

    assert (strict,) == edited(policy, rule={"max_uses": "9"}).prohibitions


def test_a_policy_without_a_permission_can_be_given_one():
    closed = Policy((), (Rule("use"),))

    with pytest.raises(PolicyUnenforceableError):
        with_fields(closed, PolicyFields(rules=(RuleFields(),)))


@pytest.mark.parametrize(
    "rule",
    [
        {"max_uses": "many"},
        {"minimum_cell": "0"},
        {"until": "tomorrow"},
        {"seats": ("MARS",)},
        {"purposes": ("marketing",)},
        {"recipients": ("the faculty",)},
        {"review": "never"},
    ],
)
def test_a_malformed_field_is_refused_by_its_term(rule):
    with pytest.raises(PolicyInvalidError):
        edited(research_policy(), rule=rule)
