"""Without the kit's fitting no flow of a control plane elsewhere passes for a stranger."""

import pytest

from lib.dps_peer import address
from tidegate.connector.signaling.model import PROFILE_PUSH
from tidegate_tck.dps import OPERATOR

SINK = {"dataAddress": address("http://localhost:9/", PROFILE_PUSH)}


@pytest.mark.parametrize(
    ("what", "name", "more"),
    [("start", "pull", {}), ("start", "push", SINK), ("prepare", "pull", {}),
     ("prepare", "push", {})],
)  # fmt: skip
def test_a_stranger_gets_no_flow_and_the_refusal_is_in_the_evidence(judged_dps, what, name, more):
    judged_dps.rests()

    answer = judged_dps.opens(what, name, **more)

    assert (answer.status_code, answer.json()["code"]) == (403, "counterparty_not_member")
    assert judged_dps.signaling.list_flows(by=OPERATOR) == ()
    assert judged_dps.peer.heard == []
    leaves = judged_dps.node.house.evidence.list_leaves(event="signaling.withheld")
    assert leaves[0].entry.why["reason"] == "counterparty_not_member"
