"""Policies people ask for, their words, and the values they may hold."""

import pytest

from tidegate.kernel.errors import InvalidError
from tidegate.kernel.text import Language
from tidegate.policy import duo, terms, values
from tidegate.policy.errors import PolicyInvalidError
from tidegate.policy.model import Constraint, Operator, Policy, Rule
from tidegate.policy.sentences import sentences
from tidegate.policy.vocabulary import research_policy
from unit.policy.policies import FACULTY, story_policy


def test_a_research_policy_is_in_place_with_ten_people_a_cell_and_logged():
    policy = research_policy()

    constraints = {one.left: one.right for one in policy.permissions[0].constraints}
    assert constraints == {terms.COMPUTE_PLACE: "in-place", terms.MINIMUM_CELL: "10"}
    assert policy.obligations == (Rule(terms.RECORD_USE),)


def test_a_research_policy_may_leave_everything_open():
    policy = research_policy(compute="", minimum_cell=0, log=False)

    assert policy == Policy((Rule("use"),))


def test_a_research_policy_opens_and_closes():
    policy = research_policy(starts="2026-01-01T00:00:00Z", until="2027-01-01T00:00:00Z")

    operators = [one.operator for one in policy.permissions[0].constraints][:2]
    assert operators == [Operator.GTEQ, Operator.LT]


def test_an_unknown_purpose_makes_no_policy():
    with pytest.raises(PolicyInvalidError, match="HMB"):
        research_policy(purposes=("marketing",))


def test_every_language_says_every_term():
    for language in Language:
        said = [one.text.in_language(language) for one in sentences(story_policy())]

        assert len(said) == 10
        assert not any("{" in one for one in said)


def test_a_sentence_says_the_value():
    said = {one.name: one.text for one in sentences(story_policy())}

    assert said["purpose"].en == "Only for health, medical or biomedical research."
    assert said["interval"].en == "Use only before 2027-01-01T00:00:00Z."
    assert said["count"].zh_hant == "使用次數：最多 3 次。"
    assert said["delete-within"].zh_hans == "结束后 30 日内删除衍生数据。"
    assert said["assignee"].en == f"Only {FACULTY} may use it."


def test_a_plain_permission_and_a_strict_count_have_words_too():
    strict = Constraint(terms.COUNT, Operator.LT, "3")
    rule = Rule("use", (strict,), (Rule(terms.RECORD_USE),))

    assert [one.text.en for one in sentences(Policy((rule, Rule("use"))))] == [
        "Number of uses: fewer than 3.",
        "Every use is recorded.",
        "Use.",
    ]


@pytest.mark.parametrize(
    ("read", "wrong"),
    [
        (values.parties, "faculty"),
        (values.parties, ()),
        (values.parties, (FACULTY, FACULTY)),
        (values.seats, "UK"),
        (values.purposes, "HMB"),
        (values.purposes, "http://purl.obolibrary.org/obo/DUO_9999999"),
        (values.moment, "2026-01-01T00:00:00"),
        (values.moment, ("2026-01-01T00:00:00Z",)),
        (values.whole, "0"),
        (values.whole, "1.5"),
        (values.place, "cloud"),
        (values.delay, "P1M"),
        (values.delay, "P0D"),
        (values.reviewed_flow, "sometimes"),
    ],
)
def test_a_value_of_another_form_is_refused(read, wrong):
    with pytest.raises(InvalidError):
        read(wrong)


@pytest.mark.parametrize(
    ("granted", "asked", "covered"),
    [
        ("NRES", "DS", True),
        ("GRU", "HMB", True),
        ("HMB", "DS", True),
        ("HMB", "HMB", True),
        ("HMB", "GRU", False),
        ("HMB", "POA", False),
        ("GRU", "CC", False),
        ("NRES", "CC", True),
    ],
)
def test_a_broad_purpose_covers_the_narrow_ones_below_it(granted, asked, covered):
    assert duo.covers(duo.get_purpose(granted), duo.get_purpose(asked)) is covered


def test_a_purpose_is_found_by_each_of_its_names():
    forms = ("HMB", "DUO:0000006", "DUO_0000006", "http://purl.obolibrary.org/obo/DUO_0000006")

    assert {duo.get_purpose(form).code for form in forms} == {"DUO:0000006"}
    assert duo.find_purpose("care") is None


def test_what_is_covered_is_listed_by_code():
    assert duo.covered_by(("HMB",)) == ("DUO:0000006", "DUO:0000007")
    assert duo.is_research("HMB")
    assert not duo.is_research("CC")
    assert not duo.is_research("marketing")
