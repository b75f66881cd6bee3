"""Flows of a control plane elsewhere, judged by a whole node's gate, policy and rules of law."""

import io
import uuid
import zipfile
from dataclasses import dataclass

import httpx
import pytest

from lib.dps_peer import Peer, properties
from lib.law_world import NOW, TERMS, moment
from lib.serving import free_port
from tidegate.connector.signaling.model import PROFILE_PULL

pytestmark = pytest.mark.slow

GROUND = "Storage agreement 7, signed by both offices."


class Elsewhere:
    """The second connector of the hospital: it signs agreements and drives the node's plane."""

    def __init__(self, world):
        self.world, self.peer = world, Peer(free_port())
        self.counsel = world["counsel_cn"]

    def register(self):
        keeper = self.world.hospital.person("Guo", "operator", "steward")
        made = keeper.planes.put_control_plane(
            "second", self.peer.base, {"type": "bearer", "token": "ours-" + "x" * 40},
            datasets=(self.world.dataset,),
        )  # fmt: skip
        self.token = f"Bearer {made.token}"

    def sign(self, **other):
        """Have it hold an agreement with the faculty on the published terms; return its id."""
        agreement = uuid.uuid4().urn
        rules = self.world["steward"].policies.terms(**TERMS)
        said = {
            **rules, "@type": "Agreement", "@id": agreement, "target": self.world.dataset,
            "assigner": self.world.hospital.did, "assignee": self.world.faculty.did,
            "timestamp": moment(NOW), **other,
        }  # fmt: skip
        self.peer.answers["dsp agreement"] = (200, said)
        return agreement

    def starts(self, agreement, **more):
        """Start a pull for the faculty."""
        body = {
            "messageId": uuid.uuid4().hex, "participantId": self.world.hospital.did,
            "counterPartyId": self.world.faculty.did, "dataspaceContext": "test",
            "processId": uuid.uuid4().hex, "agreementId": agreement,
            "datasetId": self.world.dataset, "profile": PROFILE_PULL, "claims": {}, **more,
        }  # fmt: skip
        return self.call("POST", "/dataflows/start", json=body)

    def state(self, flow):
        return self.call("GET", f"/dataflows/{flow}/status").json()["state"]

    def call(self, method, path, **more):
        url = f"{self.world.hospital.base_url}/dps/v1{path}"
        headers = {"authorization": self.token}
        return httpx.request(method, url, headers=headers, timeout=60, **more)

    def opened(self):
        """Have a flow approved by the legal officer and started; return it, address and token."""
        agreement, process = self.sign(), uuid.uuid4().hex
        asked = self.starts(agreement, processId=process)
        assert (asked.status_code, asked.json()["code"]) == (403, "approval_pending")
        self.counsel.rows.approve(self.world.question(agreement).id, GROUND)
        begun = self.starts(agreement, processId=process)
        assert begun.status_code == 200, begun.text
        said = begun.json()
        self.peer.forget()
        return Opened(
            agreement, process, said["dataFlowId"], said["dataAddress"], properties(begun)
        )

    def forgotten(self, one):
        """Wait until this control plane was told that a flow is over; return what it was told."""
        return self.peer.next("told errored", seconds=90, about=one.process).body


@dataclass
class Opened:
    """A started flow of the control plane, and what opens it."""

    agreement: str
    process: str
    flow: str
    address: dict
    said: dict

    def read(self):
        headers = {"authorization": f"Bearer {self.said['authorization']}"}
        return httpx.get(self.address["endpoint"], headers=headers, timeout=60)


@pytest.fixture(scope="module")
def closed(world):
    made = Elsewhere(world)
    made.register()
    yield made
    made.peer.close()


@pytest.fixture(scope="module")
def elsewhere(closed):
    closed.refused_before = closed.starts(closed.sign())
    closed.counsel.planes.approve("second", "Our own second connector.")
    closed.peer.forget()
    return closed


def test_nothing_flows_before_a_legal_officer_opened_the_dataset(elsewhere):
    refused = elsewhere.refused_before

    assert (refused.status_code, refused.json()["code"]) == (400, "dataset_closed")


def test_a_hosted_flow_waits_for_the_officer_is_read_and_ends_with_the_withdrawal(world, elsewhere):
    one = elsewhere.opened()
    got = one.read()

    assert got.status_code == 200
    assert zipfile.is_zipfile(io.BytesIO(got.content))
    assert elsewhere.state(one.flow) == "STARTED"
    (question,) = world.asked_about(one.agreement, "approved")
    assert [rule.rule for rule in question.rules] == ["XB-19"]

    elsewhere.counsel.rows.withdraw(question.id, "The storage agreement was cancelled.")
    elsewhere.forgotten(one)

    assert elsewhere.state(one.flow) == "TERMINATED"
    assert one.read().status_code in {401, 403}
    acts = [did for did, _ in world.leaves("auditor_cn", f"agreement:{one.agreement}")]
    assert acts == [
        "agreement.signed", "rows.asked", "rows.approved", "agreement.use_counted",
        "rows.withdrawn",
    ]  # fmt: skip
    told = world.leaves("auditor_cn", f"dataflow:{one.flow}")
    withheld = [why["reason"] for did, why in told if did == "signaling.withheld"]
    assert withheld == ["approval_pending", "approval_withdrawn"]


def test_a_refusal_by_the_officer_is_the_answer_to_the_control_plane(world, elsewhere):
    agreement, process = elsewhere.sign(), uuid.uuid4().hex
    assert elsewhere.starts(agreement, processId=process).json()["code"] == "approval_pending"

    elsewhere.counsel.rows.refuse(world.question(agreement).id, "No office signed for storage.")
    refused = elsewhere.starts(agreement, processId=process)

    assert (refused.status_code, refused.json()["code"]) == (403, "approval_refused")
    assert "XB-19" in refused.text


def test_the_law_is_asked_at_every_read_of_a_hosted_flow(world, elsewhere):
    one = elsewhere.opened()
    assert one.read().status_code == 200

    with world.consent_without_border():
        refused = one.read()
        unopened = elsewhere.starts(elsewhere.sign())

    assert (refused.status_code, refused.json()["code"]) == (403, "rules_deny")
    assert "XB-12" in refused.text
    assert (unopened.status_code, unopened.json()["code"]) == (403, "rules_deny")
    assert "XB-12" in unopened.text
    assert one.read().status_code == 200


def test_an_ended_permit_ends_the_hosted_flow(world, elsewhere):
    one = elsewhere.opened()
    assert one.read().status_code == 200

    for permit in world["committee"].applications.list_permits():
        world["committee"].applications.end_permit(permit.id, "The study stopped.")
    try:
        assert "The study stopped." in elsewhere.forgotten(one)["error"]
        assert elsewhere.state(one.flow) == "TERMINATED"
        assert one.read().status_code in {401, 403}
        refused = elsewhere.starts(elsewhere.sign())
        assert (refused.status_code, refused.json()["code"]) == (403, "permit_ended")
    finally:
        world.permit()
