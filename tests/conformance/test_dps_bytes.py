"""Data Plane Signaling with the node's own plane: the bytes that no official test looks at."""

import base64
import hashlib
import json
import random

import pytest

from lib.dps_peer import address, properties, renew
from tidegate.commons import store
from tidegate.commons.lifecycle import Stage
from tidegate.commons.model import Holding, Parcel
from tidegate.commons.rows.packing import Hashing
from tidegate.connector.signaling.model import PROFILE_PULL, PROFILE_PUSH, Asked, PlaneKind
from tidegate.deid.model import RiskReport
from tidegate_tck.dps import DATASET, OPERATOR, PROVIDER

VERSION, AGREEMENT = "ver_dps", "agreement"
CONTENT = random.Random(5).randbytes(3 * 2**20 + 77)
SHA = hashlib.sha256(CONTENT).hexdigest()


COUNTS = (
    "k_asked", "k_achieved", "classes", "smallest_class", "largest_class", "suppressed", "scrubbed",
)  # fmt: skip
WORDS = (
    "id", "project_id", "method", "recipe_digest", "risk_max", "risk_mean", "threshold", "author",
)  # fmt: skip
LISTS = ("removed", "pseudonymised", "generalised", "tables")


def report(at):
    """Return a risk report that a second person signed."""
    said = dict.fromkeys(COUNTS, 0) | dict.fromkeys(WORDS, "") | dict.fromkeys(LISTS, ())
    return RiskReport(version_id=VERSION, created_at=at, signed_by="person:b", signed_at=at, **said)


@pytest.fixture(scope="session")
def seeded(moving_dps):
    """The node with a stored, signed version of which a parcel was made."""
    node = moving_dps.node
    rows = node.house.rows
    with node.journal.write(by="system:test", did="dataset.described", to="x:y") as tx:
        store.add_holding(
            tx.connection,
            Holding(VERSION, DATASET, Stage.STORED, 0, tx.at, "", report=report(tx.at)),
        )
        at = tx.at
    rows._vault.keys.create("par_dps")
    with rows._vault.writing("par_dps/rows", "par_dps") as deposit:
        out = Hashing(deposit.file)
        out.write(CONTENT)
    rows._keep_parcel(
        Parcel(
            "par_dps", AGREEMENT, VERSION, "rows.zip", "application/zip", out.sha256,
            deposit.stored, at,
        )
    )  # fmt: skip
    return moving_dps


@pytest.fixture
def dps(seeded):
    seeded.rests()
    seeded.control = seeded.register(PlaneKind.CONTROL, datasets=(DATASET,))
    return seeded


def fetch(dps, endpoint, token, **headers):
    return dps.client.get(endpoint, headers={"authorization": f"Bearer {token}", **headers})


def test_a_consumer_fetches_from_us_until_it_is_stopped(dps):
    opened = dps.opens("start", "pull", agreementId=AGREEMENT)
    flow, endpoint = opened.json()["dataFlowId"], opened.json()["dataAddress"]["endpoint"]
    token = properties(opened)["authorization"]

    whole = fetch(dps, endpoint, token)
    part = fetch(dps, endpoint, token, range="bytes=1000-1999")
    assert (whole.status_code, whole.content) == (200, CONTENT)
    assert (part.status_code, part.content) == (206, CONTENT[1000:2000])
    assert fetch(dps, endpoint, "another").status_code == 401

    assert dps.signals(flow, "suspend").status_code == 200
    assert fetch(dps, endpoint, token).status_code in {401, 403}
    again = dps.signals(flow, "resume")
    fresh = properties(again)["authorization"]
    assert fetch(dps, endpoint, fresh).content == CONTENT

    assert dps.signals(flow, "completed").status_code == 200
    assert fetch(dps, endpoint, fresh).status_code in {401, 403}


def test_a_renewed_token_opens_the_bytes(dps):
    opened = dps.opens("start", "pull", agreementId=AGREEMENT)
    given, endpoint = properties(opened), opened.json()["dataAddress"]["endpoint"]
    proof = dps.peer.signer.sign(
        iss=dps.peer.did, sub=dps.peer.did, aud=dps.place.node_did, token=given["authorization"]
    )

    token = renew(dps, given["refreshToken"], proof).json()["access_token"]

    assert fetch(dps, endpoint, token).content == CONTENT


def test_closing_the_dataset_stops_its_flows_at_once(dps):
    opened = dps.opens("start", "pull", agreementId=AGREEMENT)
    endpoint, token = opened.json()["dataAddress"]["endpoint"], properties(opened)["authorization"]
    assert fetch(dps, endpoint, token).status_code == 200

    dps.control = dps.register(PlaneKind.CONTROL)

    assert fetch(dps, endpoint, token).status_code in {400, 403}


def test_we_send_to_a_consumer_and_tell_when_it_is_done(dps):
    dps.peer.tokens.add("sink")
    where = address(f"{dps.peer.base}/sink", PROFILE_PUSH, authorization="sink", authType="bearer")

    flow = dps.opens("start", "push", agreementId=AGREEMENT, dataAddress=where).json()["dataFlowId"]

    assert dps.peer.next("told completed").body["dataFlowId"] == flow
    assert hashlib.sha256(dps.peer.sink).hexdigest() == SHA
    assert dps.flow_state(flow) == "COMPLETED"


def arrived(dps, flow):
    found = dps.node.house.dataplane.progress(flow)
    return found.sha256, found.moved, found.state


def test_we_fetch_from_a_provider_and_tell_when_it_is_done(dps):
    dps.peer.content = CONTENT
    dps.peer.tokens.add("one")
    flow = dps.opens("prepare", "pull").json()["dataFlowId"]
    where = address(f"{dps.peer.base}/bytes", authorization="one", authType="bearer")

    assert dps.signals(flow, "started", dataAddress=where).status_code == 200

    assert dps.peer.next("told completed").body["dataFlowId"] == flow
    assert arrived(dps, flow) == (SHA, len(CONTENT), "COMPLETED")


def test_we_renew_an_access_token_that_has_ended(dps):
    dps.peer.content = CONTENT
    dps.peer.tokens.add("second")
    dps.peer.answers["dsp token"] = (
        200, {"access_token": "second", "token_type": "Bearer", "expires_in": 300,
              "refresh_token": "next"},
    )  # fmt: skip
    flow = dps.opens("prepare", "pull").json()["dataFlowId"]
    where = address(
        f"{dps.peer.base}/bytes", authorization="first", authType="bearer", refreshToken="again",
        expiresIn="1", refreshEndpoint=f"{dps.peer.base}/oauth/token",
    )  # fmt: skip

    dps.signals(flow, "started", dataAddress=where)

    asked = dps.peer.next("dsp token")
    proof = json.loads(base64.urlsafe_b64decode(asked.authorization.split(".")[1] + "=="))
    assert (proof["iss"], proof["sub"]) == (dps.place.node_did, dps.place.node_did)
    assert (proof["aud"], proof["token"]) == (dps.peer.did, "first")
    assert dps.peer.next("told completed").body["dataFlowId"] == flow
    assert arrived(dps, flow) == (SHA, len(CONTENT), "COMPLETED")


def test_a_provider_sends_to_us(dps):
    opened = dps.opens("prepare", "push")
    flow = opened.json()["dataFlowId"]
    said = opened.json()["dataAddress"]
    named = {one["name"]: one["value"] for one in said["endpointProperties"]}
    assert said["endpointType"] == PROFILE_PUSH
    assert dps.signals(flow, "started").status_code == 200
    digest = base64.b64encode(bytes.fromhex(SHA)).decode()

    def send():
        return dps.client.put(
            said["endpoint"],
            content=CONTENT,
            headers={
                "authorization": f"Bearer {named['authorization']}",
                "repr-digest": f"sha-256=:{digest}:",
            },
        ).status_code

    dps.reaches(send, 201)
    assert arrived(dps, flow) == (SHA, len(CONTENT), "COMPLETED")
    assert dps.signals(flow, "completed").status_code == 200
    assert dps.flow_state(flow) == "COMPLETED"


def test_a_fetch_that_cannot_work_is_told_as_an_error_and_changes_no_state(dps):
    flow = dps.opens("prepare", "pull").json()["dataFlowId"]

    assert dps.signals(flow, "started").status_code == 200

    told = dps.peer.next("told errored")
    assert told.body["error"]
    assert told.body["dataFlowId"] == flow
    assert dps.flow_state(flow) == "STARTED"
    dps.peer.silence("told completed", 0.1)


def test_our_control_plane_drives_our_data_plane_over_the_wire(dps):
    """Both halves of the product, joined by nothing but signaling, move a provider's bytes."""
    down, up = "d" * 32, "u" * 32
    halves = (
        Asked(PlaneKind.DATA, "self", dps.dps, "bearer", down, (PROFILE_PULL,), accepts=up),
        Asked(PlaneKind.CONTROL, "self", dps.dps, "bearer", up, accepts=down),
    )
    assert [dps.signaling.register(one, by=OPERATOR).token for one in halves] == ["", ""]
    dps.signaling.remove(PlaneKind.DATA, "kit", by=OPERATOR)
    dps.peer.content = CONTENT
    dps.peer.tokens.add("one")
    where = address(f"{dps.peer.base}/bytes", authorization="one", authType="bearer")

    pid = dps.triggers()
    dps.peer.next("dsp request")
    assert dps.says(pid, "start", PROVIDER, dataAddress=where).status_code == 200
    dps.peer.next("dsp completion")

    listed = dps.signaling.list_flows(by=OPERATOR)
    ours = {one.role.value: one for one in listed if one.process_id == pid}
    assert set(ours) == {"remote", "hosted"}
    assert ours["remote"].remote_id == ours["hosted"].id
    assert arrived(dps, ours["hosted"].id) == (SHA, len(CONTENT), "COMPLETED")
    dps.reaches(lambda: dps.transfer_state(pid), "COMPLETED")
