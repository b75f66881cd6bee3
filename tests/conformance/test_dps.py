"""Data Plane Signaling 1.0-RC3, with the ids of the official kit's tests, without a JVM.

A script says what happens. As control plane the peer says `prepare`, `start`, `started`, … and `=S`
is what the node's data plane tells; a `~` has the plane take its time. As data plane and connector
the peer hears `<prepare` and so on, and says DSP words in capitals.
"""

import pytest

from lib.dps_peer import RENEWABLE, address, later, properties, renew, run_control
from tidegate.connector.signaling.model import PROFILE_PUSH
from tidegate_tck.dps import CONSUMER, PROVIDER
from tidegate_tck.dps_plane import ASYNC, COMPLETE

CONTROL_CONSUMER = {
    "CP_C:01-01": "<prepare <request =REQUESTED START <started =STARTED"
    " COMPLETE <completed =COMPLETED",
    "CP_C:01-02": "<prepare <request =REQUESTED START <started =STARTED"
    " TERMINATE <terminate =TERMINATED",
    "CP_C:02-01": "<prepare <request START <started SUSPEND <suspend START <resume"
    " COMPLETE <completed =COMPLETED",
    "CP_C:02-02": "<prepare <request START <started SUSPEND <suspend"
    " TERMINATE <terminate =TERMINATED",
    "CP_C:03-01": "~prepare <prepare -request prepared <request START <started COMPLETE <completed",
}
CONTROL_PROVIDER = {
    "CP_P:01-01": "<start <start! =STARTED COMPLETE <completed",
    "CP_P:01-02": "<start <start! TERMINATE <terminate",
    "CP_P:02-01": "<start <start! SUSPEND <suspend START <resume COMPLETE <completed",
    "CP_P:02-02": "<start <start! SUSPEND <suspend TERMINATE <terminate",
    "CP_P:03-01": "~start <start -start! started <start! =STARTED COMPLETE <completed",
}
DATA = {
    "DP_C_PULL:01-01": "prepare started =STARTED",
    "DP_C_PULL:01-02": "prepare started terminate =TERMINATED",
    "DP_C_PULL:02-01": "prepare started suspend =SUSPENDED resume =STARTED",
    "DP_C_PULL:02-02": "prepare started suspend =SUSPENDED terminate =TERMINATED",
    "DP_C_PULL:03-01": "prepare =PREPARED started =STARTED <completed =COMPLETED",
    "DP_C_PULL:04-01": "prepare~ <prepared =PREPARED",
    "DP_P_PULL:01-01": "start completed =COMPLETED",
    "DP_P_PULL:01-02": "start terminate =TERMINATED",
    "DP_P_PULL:02-01": "start suspend =SUSPENDED resume =STARTED",
    "DP_P_PULL:02-02": "start suspend =SUSPENDED terminate =TERMINATED",
    "DP_P_PULL:04-01": "start~ <started =STARTED",
    "DP_C_PUSH:01-01": "prepare started =STARTED",
    "DP_C_PUSH:01-02": "prepare started terminate =TERMINATED",
    "DP_C_PUSH:02-01": "prepare started suspend =SUSPENDED resume =STARTED",
    "DP_C_PUSH:02-02": "prepare started suspend =SUSPENDED terminate =TERMINATED",
    "DP_C_PUSH:03-01": "prepare started =STARTED completed =COMPLETED",
    "DP_C_PUSH:04-01": "prepare~ <prepared =PREPARED",
    "DP_P_PUSH:01-01": "start =STARTED",
    "DP_P_PUSH:01-02": "start terminate =TERMINATED",
    "DP_P_PUSH:02-01": "start suspend =SUSPENDED resume =STARTED",
    "DP_P_PUSH:02-02": "start suspend =SUSPENDED terminate =TERMINATED",
    "DP_P_PUSH:03-01": "start =STARTED <completed =COMPLETED",
    "DP_P_PUSH:04-01": "start~ <started =STARTED",
}
SELF_COMPLETING = {"DP_C_PULL:03-01", "DP_P_PUSH:03-01"}


@pytest.mark.parametrize("test", CONTROL_CONSUMER)
def test_a_consumers_control_plane_drives_a_plane_elsewhere(dps, test):
    script = CONTROL_CONSUMER[test].replace("<request", "<request!")
    if script.startswith("~"):
        dps.peer.answers["prepare"] = later("PREPARING")
        script = script.partition(" ")[2]

    run_control(dps, dps.triggers(), PROVIDER, script)


@pytest.mark.parametrize("test", CONTROL_PROVIDER)
def test_a_providers_control_plane_drives_a_plane_elsewhere(dps, test):
    script = CONTROL_PROVIDER[test]
    if script.startswith("~"):
        dps.peer.answers["start"] = later("STARTING")
        script = script.partition(" ")[2]

    run_control(dps, dps.requests(), CONSUMER, script)


@pytest.mark.parametrize("test", DATA)
def test_the_data_plane_follows_a_control_plane_elsewhere(dps, test):
    name = "push" if "PUSH" in test else "pull"
    agreement = COMPLETE if test in SELF_COMPLETING else "agreement"
    flow = ""
    for one in DATA[test].split():
        if one.rstrip("~") in {"prepare", "start"}:
            flow = opened(dps, one, name, agreement)
        elif one.startswith("="):
            dps.reaches(lambda flow=flow: dps.flow_state(flow), one[1:])
        elif one.startswith("<"):
            told = dps.peer.next(f"told {one[1:]}")
            assert told.authorization == "Bearer ours"
            assert told.body["dataFlowId"] == flow
            assert told.body["messageId"]
            assert told.body["state"] == one[1:].upper()
        else:
            answer = dps.signals(flow, one)
            assert answer.status_code == 200, answer.text
            assert one != "resume" or answer.json()["state"] == "STARTED"


def opened(dps, word, name, agreement):
    """Open a flow; check who makes the address, and that waiting is told as such."""
    what, is_later = word.rstrip("~"), word.endswith("~")
    more = {}
    if what == "start" and name == "push":
        more["dataAddress"] = address("http://localhost:9/in", PROFILE_PUSH)
    answer = dps.opens(what, name, agreementId=ASYNC if is_later else agreement, **more)
    body = answer.json()
    waiting, ready = {"prepare": ("PREPARING", "PREPARED"), "start": ("STARTING", "STARTED")}[what]
    assert (answer.status_code, body["state"]) == ((202, waiting) if is_later else (200, ready))
    assert body["messageId"]
    makes = (what, name) in {("prepare", "push"), ("start", "pull")}
    assert ("dataAddress" in body) is (makes and not is_later)
    if is_later:
        assert answer.headers["location"] == f"/dataflows/{body['dataFlowId']}/status"
    return body["dataFlowId"]


# --- the HTTP profile


def test_dp_c_http_pull_01_01_a_renewable_address_is_taken(dps):
    flow = dps.opens("prepare", "pull").json()["dataFlowId"]

    answer = dps.signals(flow, "started", dataAddress=address("http://localhost:9/", **RENEWABLE))

    assert answer.status_code == 200
    assert dps.flow_state(flow) == "STARTED"


def test_dp_c_http_pull_02_01_an_address_without_renewal_is_refused_where_it_is_needed(kit_dps):
    flow = kit_dps.opens("prepare", "pull").json()["dataFlowId"]
    fixed = address("http://localhost:9/", authorization="a", authType="bearer")

    answer = kit_dps.signals(flow, "started", dataAddress=fixed)

    assert answer.status_code == 400
    assert answer.json()["code"] == "address_not_renewable"
    assert kit_dps.flow_state(flow) == "PREPARED"


def test_dp_p_http_pull_01_01_the_access_token_is_renewed(dps):
    given = properties(dps.opens("start", "pull"))
    proof = dps.peer.signer.sign(
        iss=dps.peer.did, sub=dps.peer.did, aud=dps.place.node_did, token=given["authorization"]
    )

    answer = renew(dps, given["refreshToken"], proof)

    assert answer.status_code == 200, answer.text
    assert answer.json()["access_token"] != given["authorization"]
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["refresh_token"] != given["refreshToken"]
    assert answer.json()["expires_in"] > 0


def test_dp_p_http_pull_02_01_an_unknown_refresh_token_renews_nothing(dps):
    given = properties(dps.opens("start", "pull"))
    proof = dps.peer.signer.sign(
        iss=dps.peer.did, sub=dps.peer.did, aud=dps.place.node_did, token=given["authorization"]
    )

    answer = renew(dps, "unknown", proof)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_dp_p_http_pull_02_02_a_proof_for_another_audience_renews_nothing(dps):
    given = properties(dps.opens("start", "pull"))
    proof = dps.peer.signer.sign(
        iss=dps.peer.did, sub=dps.peer.did, aud="did:web:other", token=given["authorization"]
    )

    answer = renew(dps, given["refreshToken"], proof)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
