"""A flow that is stopped in the moment its last byte has moved: it stays what it became."""

import io

import pytest

from lib.ground import make_ground
from tidegate.connector.dataplane.desk import PlaneDesk
from tidegate.connector.dataplane.errors import BytesRefusedError, FlowWithheldError
from tidegate.connector.dataplane.model import DataFlowState, Flow, FlowRecord
from tidegate.connector.dataplane.ranges import Part
from tidegate.connector.dataplane.reading import Grant
from tidegate.connector.dataplane.service import HttpPlane
from tidegate.connector.messages.model import Side

ABOUT = {
    "pid": "urn:uuid:flow",
    "format": "HttpData-PUSH",
    "agreement_id": "agr_1",
    "dataset_id": "ds_1",
    "version_id": "ver_1",
    "participant": "did:web:us",
    "peer_did": "did:web:peer",
}
TAKEN_IN = Flow(side=Side.CONSUMER, **ABOUT)
SENT = Flow(side=Side.PROVIDER, **ABOUT)


ROWS = b"rows"


class Whole:
    """A draft in which every byte is."""

    sha256, size = "ab" * 32, 4

    def close(self):
        pass


class Shelf:
    """Keeps copies; `meanwhile` happens when one was just kept."""

    def __init__(self):
        self.kept, self.meanwhile = {}, lambda: None

    def open_arrival(self, arrival):
        return Whole()

    def find_arrival(self, arrival):
        return self.kept.get(arrival)

    def keep_arrival(self, arrival, draft, **_about):
        self.kept[arrival] = draft
        self.meanwhile()

    def drop_arrival(self, arrival):
        pass

    def open_parcel(self, parcel):
        return io.BytesIO(ROWS)


class Control:
    """Counts what it is told."""

    def __init__(self):
        self.completed, self.flowing = 0, True

    def is_flowing(self, pid):
        return self.flowing

    def flow_completed(self, pid):
        self.completed += 1


@pytest.fixture
def desk(tmp_path):
    ground, control = make_ground(tmp_path), Control()
    yield PlaneDesk(
        journal=ground.journal, clock=ground.clock, ids=ground.ids, keys=ground.keys, http=None,
        courier=None, rows=Shelf(), control=lambda: control, doors="", token=lambda: "t",
    )  # fmt: skip
    ground.close()


def stop(plane, flow, how):
    if how == "suspend":
        return lambda: plane.suspend(flow, "A pause.")
    return lambda: plane.terminate(flow, "No more.")


HOW = [("terminate", DataFlowState.TERMINATED), ("suspend", DataFlowState.SUSPENDED)]


@pytest.mark.parametrize(("how", "state"), HOW)
def test_a_flow_stopped_while_its_copy_is_kept_stays_stopped(desk, how, state):
    plane = HttpPlane(desk)
    record = desk.save(FlowRecord(TAKEN_IN, DataFlowState.STARTED, content="der_1"))
    desk.rows.meanwhile = stop(plane, TAKEN_IN, how)

    saved = plane.receiving.finish(record, tell_control=True)

    assert state is saved.state is desk.get(TAKEN_IN.pid).state
    assert 0 == desk.control().completed


def test_a_copy_kept_before_its_flow_was_held_ends_it_once_it_goes_on(desk):
    plane = HttpPlane(desk)
    record = desk.save(FlowRecord(TAKEN_IN, DataFlowState.STARTED, content="der_1", total=4))
    desk.rows.meanwhile = stop(plane, TAKEN_IN, "suspend")
    plane.receiving.finish(record, tell_control=False)

    plane.started(TAKEN_IN, None)
    plane.receiving.finish_kept(desk.get(TAKEN_IN.pid))

    assert DataFlowState.COMPLETED is desk.get(TAKEN_IN.pid).state


@pytest.mark.parametrize(("how", "state"), HOW)
def test_a_flow_stopped_while_its_last_bytes_leave_stays_stopped(monkeypatch, desk, how, state):
    plane = HttpPlane(desk)
    record = desk.save(FlowRecord(SENT, DataFlowState.STARTED, content="par_1", total=4, chain=1))

    def some(_record):
        stop(plane, SENT, how)()
        return True

    monkeypatch.setattr(plane._sending, "_some", some)
    plane.send(SENT.pid, str(record.chain))

    assert state is desk.get(SENT.pid).state
    assert 0 == desk.control().completed


def test_no_row_is_read_of_a_flow_that_was_cut_before_its_reading_began(desk):
    plane = HttpPlane(desk)
    record = desk.save(FlowRecord(SENT, DataFlowState.STARTED, content="par_1", total=4))
    let_in = Grant(record, None, Part(0, 4, 4), is_partial=False)
    desk.control().flowing = False
    assert 0 == plane.cut(SENT.pid)  # it does not move yet, so there is nothing to cut

    with pytest.raises(FlowWithheldError):
        list(plane.reading.stream(let_in))


def test_no_row_is_sent_of_a_flow_that_was_cut_before_its_sending_began(desk):
    plane = HttpPlane(desk)
    record = desk.save(FlowRecord(SENT, DataFlowState.STARTED, content="par_1", total=4))
    desk.control().flowing = False
    assert 0 == plane.cut(SENT.pid)

    with pytest.raises(BytesRefusedError):
        list(plane._sending._pieces(record, None, Part(0, 4, 4)))


def test_rows_of_a_flow_that_moves_are_read_and_sent(desk):
    plane = HttpPlane(desk)
    record = desk.save(FlowRecord(SENT, DataFlowState.STARTED, content="par_1", total=4))
    part = Part(0, 4, 4)

    assert ROWS == b"".join(plane.reading.stream(Grant(record, None, part, is_partial=False)))
    assert ROWS == b"".join(plane._sending._pieces(record, None, part))
