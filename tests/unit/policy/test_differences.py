"""How one policy differs from another, in words of three languages."""

import pytest

from tidegate.policy import terms
from tidegate.policy.differences import _CHANGED, _LESS, _MORE, Effect, differences
from tidegate.policy.errors import PolicyInvalidError
from tidegate.policy.model import Constraint, Operator, Policy, Rule
from tidegate.policy.vocabulary import research_policy
from unit.policy.policies import FACULTY, HOSPITAL, story_policy


def only(before, after):
    (found,) = differences(before, after)
    return found


@pytest.mark.parametrize(
    ("term", "old", "new", "effect", "en", "hant", "hans"),
    [
        (
            "max_uses", 200, 100, Effect.STRICTER,
            "At most 100 uses instead of 200.",
            "使用次數上限由 200 次改為 100 次。",
            "使用次数上限由 200 次改为 100 次。",
        ),
        (
            "minimum_cell", 10, 5, Effect.LOOSER,
            "Results count at least 5 people a cell instead of 10.",
            "結果每格最少人數由 10 人改為 5 人。",
            "结果每格最少人数由 10 人改为 5 人。",
        ),
        (
            "delete_within_days", 30, 90, Effect.LOOSER,
            "Derived data are deleted within 90 days of the end instead of 30 days.",
            "衍生數據的刪除期限由結束後 30 日改為 90 日。",
            "衍生数据的删除期限由结束后 30 日改为 90 日。",
        ),
        (
            "review", "cross-border", "every", Effect.STRICTER,
            "A checker clears results (every), instead of (cross-border).",
            "須經審核員放行的結果由「cross-border」改為「every」。",
            "须经审核员放行的结果由“cross-border”改为“every”。",
        ),
        (
            "until", "2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z", Effect.LOOSER,
            "The time allowed is before 2028-01-01T00:00:00Z,"
            " instead of before 2027-01-01T00:00:00Z.",
            "許可時間由「2027-01-01T00:00:00Z 之前」改為「2028-01-01T00:00:00Z 之前」。",
            "许可时间由“2027-01-01T00:00:00Z 之前”改为“2028-01-01T00:00:00Z 之前”。",
        ),
    ],
)  # fmt: skip
def test_a_changed_value_is_said_with_both_values(term, old, new, effect, en, hant, hans):
    found = only(story_policy(**{term: old}), story_policy(**{term: new}))

    assert (effect, en, hant, hans) == (
        found.effect, found.text.en, found.text.zh_hant, found.text.zh_hans,
    )  # fmt: skip


def test_who_came_into_a_list_and_who_left_it_are_two_sentences():
    before, after = story_policy(seats=("HK",)), story_policy(seats=("MO", "CN-GBA9"))

    more, less = differences(before, after)

    assert "Users with the legal seat MO, CN-GBA9 are admitted too." == more.text.en
    assert ("不再接受法定所在地：HK。", Effect.STRICTER) == (less.text.zh_hant, less.effect)


def test_a_purpose_is_called_by_its_name():
    found = differences(story_policy(purposes=("HMB",)), story_policy(purposes=("HMB", "GRU")))

    assert ["Also allowed for general research."] == [one.text.en for one in found]


def test_a_list_of_the_excluded_works_the_other_way():
    def without(*seats):
        return Policy((Rule("use", (Constraint(terms.SEAT, Operator.IS_NONE_OF, seats),)),))

    found = only(without("MO"), without("MO", "OTHER"))

    assert ("Users with the legal seat OTHER are no longer admitted.", Effect.STRICTER) == (
        found.text.en, found.effect,
    )  # fmt: skip


def test_a_list_that_turns_into_its_opposite_is_gone_and_new():
    def seats(operator):
        return Policy((Rule("use", (Constraint(terms.SEAT, operator, ("MO",)),)),))

    found = differences(seats(Operator.IS_ANY_OF), seats(Operator.IS_NONE_OF))

    assert ["No longer there", "New"] == [one.text.en.partition(":")[0] for one in found]


def test_a_limit_that_is_new_is_stricter_and_one_that_is_gone_looser():
    plain, limited = story_policy(max_uses=None), story_policy(max_uses=5)

    assert "New: Number of uses: up to 5." == only(plain, limited).text.en
    assert Effect.STRICTER is only(plain, limited).effect
    assert "刪去：使用次數：最多 5 次。" == only(limited, plain).text.zh_hant
    assert Effect.LOOSER is only(limited, plain).effect


def test_fewer_than_and_at_most_that_mean_the_same_go_neither_way():
    def uses(operator, right):
        return Policy((Rule("use", (Constraint(terms.COUNT, operator, right),)),))

    assert Effect.OTHER is only(uses(Operator.LTEQ, "5"), uses(Operator.LT, "6")).effect


def test_the_beginning_and_the_end_of_a_time_are_two_things():
    before = research_policy(starts="2026-01-01T00:00:00Z", until="2027-01-01T00:00:00Z")
    after = research_policy(starts="2026-02-01T00:00:00Z", until="2027-02-01T00:00:00Z")

    assert [Effect.STRICTER, Effect.LOOSER] == [one.effect for one in differences(before, after)]


def test_a_whole_permission_more_is_said_as_such():
    one = research_policy(compute="", minimum_cell=0, log=False)
    other = Policy((*one.permissions, Rule("use", (Constraint(
        terms.RECIPIENT, Operator.EQ, HOSPITAL),))))  # fmt: skip

    assert f"A further permission: Only {HOSPITAL} may use it." == only(one, other).text.en
    assert Effect.STRICTER is only(other, one).effect


def test_a_prohibition_is_stricter_when_it_comes_and_looser_when_it_goes():
    plain, closed = story_policy(), story_policy(forbid=(terms.DISTRIBUTE,))

    assert ("New: It is not passed on.", Effect.STRICTER) == (
        only(plain, closed).text.en, only(plain, closed).effect,
    )  # fmt: skip
    assert Effect.LOOSER is only(closed, plain).effect


def test_a_narrower_prohibition_allows_more():
    def without(*names):
        forbidden = Rule("use", (Constraint(terms.RECIPIENT, Operator.IS_ANY_OF, names),))
        return Policy((Rule("use"),), (forbidden,))

    found = only(without(FACULTY, HOSPITAL), without(FACULTY))

    assert ("Prohibited use. ", Effect.LOOSER) == (found.text.en[:16], found.effect)


def test_a_duty_inside_a_permission_counts_too():
    plain = Policy((Rule("use"),))
    recorded = Policy((Rule("use", duties=(Rule(terms.RECORD_USE),)),))

    assert "新增：每次使用均存证。" == only(plain, recorded).text.zh_hans


def test_a_term_nobody_knows_is_refused_by_name():
    strange = Policy((Rule("use", (Constraint("urn:magic", Operator.EQ, "yes"),)),))

    with pytest.raises(PolicyInvalidError, match="urn:magic"):
        differences(story_policy(), strange)


def test_every_term_has_words_for_a_change():
    assert set(terms.CONSTRAINTS) == set(_CHANGED) | set(_MORE)
    assert set(_MORE) == set(_LESS)
