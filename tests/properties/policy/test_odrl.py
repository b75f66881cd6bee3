"""ODRL on the wire: exact both ways, and closed to everything unknown."""

import json

import pytest
from hypothesis import given, settings

from properties.policy.policies import policies
from tidegate.policy.odrl import (
    from_odrl,
    to_offer,
)


@pytest.mark.slow
@settings(max_examples=60)
@given(policies)
def test_a_policy_written_and_read_is_the_same_policy(policy):
    wire = json.dumps(to_offer(policy, "offer_1"))

    read = from_odrl(json.loads(wire))

    assert read == policy
    assert read.digest == policy.digest
    assert "[]" not in wire
