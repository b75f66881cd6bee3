"""A policy as the fields of a form, and back."""

from hypothesis import assume, given, settings

from properties.policy.policies import policies
from tidegate.policy.editing import fields_of, with_fields
from tidegate.policy.soundness import conflicts


@settings(max_examples=40)
@given(policies)
def test_an_untouched_form_gives_back_the_same_policy(policy):
    assume(not conflicts(policy))

    assert policy == with_fields(policy, fields_of(policy))
