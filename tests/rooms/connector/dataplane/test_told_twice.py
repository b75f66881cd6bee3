"""Two threads tell the plane that bytes may move, and share one commit: one of them starts it."""

import threading

import pytest

from lib.ground import make_ground
from tidegate.connector.dataplane.desk import PlaneDesk
from tidegate.connector.dataplane.errors import FlowChangedError, FlowUnknownError
from tidegate.connector.dataplane.model import DataFlowState, Flow, FlowRecord
from tidegate.connector.dataplane.service import HttpPlane
from tidegate.connector.messages.model import Side

FLOW = Flow(
    pid="urn:uuid:twice", side=Side.PROVIDER, format="HttpData-PULL", agreement_id="agr_1",
    dataset_id="ds_1", version_id="ver_1", participant="did:web:us", peer_did="did:web:peer",
)  # fmt: skip


@pytest.fixture
def desk(tmp_path):
    ground = make_ground(tmp_path)
    yield PlaneDesk(
        journal=ground.journal, clock=ground.clock, ids=ground.ids, keys=ground.keys,
        http=None, courier=None, rows=None, control=lambda: None, doors="", token=lambda: "t",
    )  # fmt: skip
    ground.close()


class Pause:
    """Keep the first writer between its block and the commit of its group, until another waits."""

    def __init__(self, writer):
        self.wrote, self._settle, self._first = threading.Event(), writer.settle, None
        self._go_on = threading.Event()
        writer.settle = self.settle

    def settle(self, group):
        if self._first is None:
            self._first = threading.get_ident()
            self.wrote.set()
            assert self._go_on.wait(60)
        else:
            self._go_on.set()
        self._settle(group)

    def end(self):
        self._go_on.set()


def raced(desk, first, second):
    """Run the second inside the first's group, before its commit."""
    pause = Pause(desk.journal._database.writer)
    one = threading.Thread(target=first)
    one.start()
    assert pause.wrote.wait(60)
    try:
        return second()
    finally:
        pause.end()
        one.join()


def test_the_one_who_loses_sees_that_the_other_started_before_that_is_committed(desk):
    desk.save(FlowRecord(FLOW, DataFlowState.STARTING))
    plane = HttpPlane(desk)

    answer = raced(desk, lambda: plane.started(FLOW, None), lambda: plane.started(FLOW, None))

    record = desk.get(FLOW.pid)
    assert answer.state is DataFlowState.STARTED
    assert (record.state, record.chain) == (DataFlowState.STARTED, 1)


def test_the_one_who_loses_against_a_stop_is_told_to_look_again(desk):
    desk.save(FlowRecord(FLOW, DataFlowState.STARTING))
    plane = HttpPlane(desk)

    with pytest.raises(FlowChangedError):
        raced(desk, lambda: plane.suspend(FLOW, ""), lambda: plane.started(FLOW, None))

    assert desk.get(FLOW.pid).state is DataFlowState.SUSPENDED


def test_a_flow_nobody_keeps_is_not_settled_either(desk):
    with pytest.raises(FlowUnknownError):
        desk.settled("urn:uuid:none")
