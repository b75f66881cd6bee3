"""A provider that starts a pull again names another address: the fetch goes on from there."""

from dataclasses import replace

import pytest

from lib.ground import make_ground
from tidegate.connector.dataplane.calling import renewed
from tidegate.connector.dataplane.desk import PlaneDesk
from tidegate.connector.dataplane.model import (
    HTTP_TYPE,
    DataFlowState,
    Flow,
    FlowRecord,
    PlaneAddress,
)
from tidegate.connector.dataplane.service import HttpPlane
from tidegate.connector.http.model import Answer
from tidegate.connector.messages.compose import data_address, document
from tidegate.connector.messages.model import Side

FLOW = Flow(
    pid="urn:uuid:pull", side=Side.CONSUMER, format="HttpData-PULL", agreement_id="agr_1",
    dataset_id="ds_1", version_id="ver_1", participant="did:web:us", peer_did="did:web:peer",
)  # fmt: skip


class AnyWay:
    """A way out that may call every address."""

    def check_url(self, url):
        assert url


class AnyCourier:
    """Proves this node to everybody."""

    def token_for(self, did):
        return f"Bearer {did}"


def address(token):
    return PlaneAddress(HTTP_TYPE, "http://localhost:9/rows", {"authorization": token})


@pytest.fixture
def desk(tmp_path):
    ground = make_ground(tmp_path)
    yield PlaneDesk(
        journal=ground.journal, clock=ground.clock, ids=ground.ids, keys=ground.keys,
        http=AnyWay(), courier=AnyCourier(), rows=None, control=lambda: None, doors="",
        token=lambda: "t",
    )  # fmt: skip
    ground.close()


def test_a_fetch_that_was_refused_begins_anew_at_the_fresh_address(desk):
    desk.save(FlowRecord(FLOW, DataFlowState.PREPARED))
    plane = HttpPlane(desk)
    plane.started(FLOW, address("first"))
    running = desk.save(replace(desk.get(FLOW.pid), misses=7, problem="token_refused"))

    answer = plane.started(FLOW, address("second"))

    found = desk.get(FLOW.pid)
    assert answer.state is DataFlowState.STARTED
    assert address("second") == desk.unseal(found)
    assert (running.chain, 0, "") == (found.chain, found.misses, found.problem)


def test_the_same_address_told_twice_disturbs_nothing(desk):
    desk.save(FlowRecord(FLOW, DataFlowState.PREPARED))
    plane = HttpPlane(desk)
    plane.started(FLOW, address("first"))
    running = desk.save(replace(desk.get(FLOW.pid), misses=7, problem="unable"))

    plane.started(FLOW, address("first"))

    assert running == desk.get(FLOW.pid)


def test_an_address_told_while_the_last_one_is_renewed_is_the_one_that_is_kept(desk):
    desk.save(FlowRecord(FLOW, DataFlowState.PREPARED))
    plane = HttpPlane(desk)
    plane.started(FLOW, address("first"))
    record = desk.get(FLOW.pid)
    fresh = document(
        "TransferStartMessage",
        "urn:uuid:1",
        providerPid="urn:uuid:p",
        consumerPid=FLOW.pid,
        dataAddress=data_address(
            HTTP_TYPE, "http://localhost:9/rows", {"authorization": "renewed"}
        ),
    )

    def answer_late(_url, _body, *, authorization):
        plane.started(FLOW, address("second"))
        return Answer(200, {}, fresh)

    desk.http.post = answer_late

    found = renewed(
        desk, replace(record, flow=replace(FLOW, peer_address="http://p")), address("first")
    )

    assert address("second") == found == desk.unseal(desk.get(FLOW.pid))
