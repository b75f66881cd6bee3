"""ODRL on the wire: exact both ways, and closed to everything unknown."""

import copy

import pytest

from tidegate.policy import terms
from tidegate.policy.errors import PolicyInvalidError
from tidegate.policy.model import Constraint, Operator, Policy, Rule
from tidegate.policy.odrl import (
    agreement_digest,
    from_odrl,
    read_agreement,
    read_offer,
    seal,
    to_agreement,
    to_message_offer,
    to_offer,
)
from unit.policy.policies import FACULTY, HOSPITAL, agreement, story_policy

OFFER = {
    "@type": "Offer",
    "@id": "offer_1",
    "permission": [
        {
            "action": "use",
            "constraint": [
                {"leftOperand": terms.COUNT, "operator": "lteq", "rightOperand": "3"},
            ],
        }
    ],
}


def changed(**keys):
    return copy.deepcopy(OFFER) | keys


def test_an_offer_in_a_catalogue_has_no_target():
    assert "target" not in to_offer(story_policy(), "offer_1")


def test_an_offer_in_a_message_has_its_target_and_reads_back():
    wire = to_message_offer(story_policy(), "offer_1", "ds_1", HOSPITAL)

    offer = read_offer(wire)

    assert (offer.id, offer.target, offer.assigner) == ("offer_1", "ds_1", HOSPITAL)
    assert offer.policy == story_policy()


def test_a_message_offer_may_leave_out_its_assigner():
    assert "assigner" not in to_message_offer(story_policy(), "offer_1", "ds_1")


def test_an_agreement_reads_back_whole():
    found = read_agreement(to_agreement(agreement()))

    assert (found.target, found.assigner, found.assignee) == ("ds_1", HOSPITAL, FACULTY)
    assert found.timestamp == "2026-03-02T08:00:00Z"
    assert found.policy == story_policy()


def test_the_profile_is_named_only_where_its_words_are_used():
    plain = Policy((Rule("use", (Constraint(terms.COUNT, Operator.LTEQ, "3"),)),))

    assert to_offer(story_policy(), "o")["profile"] == terms.PROFILE
    assert "profile" not in to_offer(plain, "o")


def test_the_digest_is_the_same_on_both_sides():
    ours = seal(agreement())
    theirs = seal(agreement(role="consumer", version_id=""))

    assert ours.digest == theirs.digest == agreement_digest(ours)


def test_a_changed_word_changes_the_digest():
    assert agreement_digest(agreement()) != agreement_digest(agreement(dataset_id="ds_2"))


def test_odrl_prefixes_are_read_as_full_names():
    wire = changed(
        permission=[
            {
                "action": "odrl:use",
                "constraint": [
                    {"leftOperand": "odrl:count", "operator": "odrl:lteq", "rightOperand": "3"}
                ],
            }
        ]
    )

    assert from_odrl(wire) == from_odrl(OFFER)
    assert from_odrl(changed(permission=[{"action": terms.ODRL + "use"}])).permissions == (
        Rule("use"),
    )


def test_a_single_recipient_may_stand_without_a_list():
    constraint = {"leftOperand": terms.RECIPIENT, "operator": "eq", "rightOperand": FACULTY}
    wire = changed(permission=[{"action": "use", "constraint": [constraint]}])

    assert from_odrl(wire).permissions[0].constraints[0].right == FACULTY


@pytest.mark.parametrize(
    ("wire", "named"),
    [
        ("not an object", "object"),
        ({1: 2}, "object"),
        (changed(**{"@type": "Set"}), "@type"),
        (changed(surprise=1), "surprise"),
        (changed(timestamp="2026-01-01T00:00:00Z"), "timestamp"),
        (changed(profile="https://example.org/other"), "profile"),
        (changed(permission=[]), "permission"),
        (changed(permission={}), "permission"),
        ({"@type": "Offer", "@id": "o"}, "permission"),
        (changed(permission=["use"]), "rule"),
        (changed(permission=[{"action": 1}]), "action"),
        (changed(permission=[{"action": "sell"}]), "sell"),
        (changed(permission=[{"action": "use", "target": "x"}]), "target"),
        (changed(permission=[{"action": "use", "constraint": {}}]), "constraint"),
        (changed(permission=[{"action": "use", "constraint": ["x"]}]), "constraint"),
        (changed(prohibition=[{"action": terms.DELETE}]), "delete"),
        (changed(prohibition=[{"action": "use", "duty": [{"action": terms.RECORD_USE}]}]), "duty"),
        (changed(obligation=[{"action": terms.DELETE}]), "delayPeriod"),
        (changed(obligation=[{"action": terms.ODRL + "pay"}]), "pay"),
    ],
)
def test_what_is_unknown_makes_the_policy_unreadable_and_is_named(wire, named):
    with pytest.raises(PolicyInvalidError, match=named):
        from_odrl(wire)


@pytest.mark.parametrize(
    ("constraint", "named"),
    [
        ({"and": []}, "and"),
        ({"xone": []}, "xone"),
        ({"leftOperand": "odrl:count", "operator": "lteq"}, "right operand"),
        ({"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": 3}, "right operand"),
        ({"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": []}, "right operand"),
        (
            {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": {"@value": 3}},
            "right operand",
        ),
        ({"leftOperand": "odrl:count", "operator": "about", "rightOperand": "3"}, "about"),
        ({"leftOperand": "odrl:count", "operator": "isA", "rightOperand": "3"}, "isA"),
        ({"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "03"}, "count"),
        ({"leftOperand": "odrl:system", "operator": "eq", "rightOperand": "x"}, "system"),
        ({"leftOperand": terms.DELAY, "operator": "lteq", "rightOperand": "P1D"}, "delayPeriod"),
        (
            {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "3", "unit": "x"},
            "unit",
        ),
    ],
)
def test_an_unknown_constraint_makes_the_policy_unreadable_and_is_named(constraint, named):
    with pytest.raises(PolicyInvalidError, match=named):
        from_odrl(changed(permission=[{"action": "use", "constraint": [constraint]}]))


def test_an_offer_is_no_agreement_and_the_other_way_round():
    with pytest.raises(PolicyInvalidError, match="Agreement"):
        read_agreement(OFFER)
    with pytest.raises(PolicyInvalidError, match="Offer"):
        read_offer(to_agreement(agreement()))


@pytest.mark.parametrize("missing", ["@id", "target", "assigner", "assignee", "timestamp"])
def test_an_agreement_needs_its_whole_envelope(missing):
    wire = to_agreement(agreement())
    del wire[missing]

    with pytest.raises(PolicyInvalidError, match=missing):
        read_agreement(wire)


def test_an_agreement_needs_a_real_moment():
    with pytest.raises(PolicyInvalidError, match="time"):
        read_agreement(to_agreement(agreement(signed_at="yesterday")))
