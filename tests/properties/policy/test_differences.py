"""How one policy differs from another, in words of three languages."""

from hypothesis import given, settings

from properties.policy.policies import policies
from tidegate.kernel.text import Language
from tidegate.policy.differences import differences


@settings(max_examples=40)
@given(policies)
def test_no_policy_differs_from_itself(policy):
    assert () == differences(policy, policy)


@settings(max_examples=40)
@given(policies, policies)
def test_the_way_back_goes_the_other_way(one, other):
    way, back = differences(one, other), differences(other, one)

    turned = sorted(each.effect.turned for each in back)
    assert sorted(each.effect for each in way) == turned


@settings(max_examples=40)
@given(policies, policies)
def test_every_difference_has_words_in_every_language(one, other):
    for each in differences(one, other):
        texts = [text for _, text in each.text.every()]
        assert len(Language) == len(texts)
        assert not any("{" in text for text in texts)
