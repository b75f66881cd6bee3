"""A transfer of rows that is held and let go on, by either side: its bytes arrive whole."""

import httpx
import pytest

from lib.dsp_nodes import RESEARCHER, STEWARD
from lib.rows_live import MEBIBYTE, RowsNode, mirror, opened, over, started, wait
from lib.serving import free_port
from tidegate.connector.dataplane.model import HTTP_PULL, HTTP_PUSH
from tidegate.kernel.errors import UnavailableError

SIZE = 3 * MEBIBYTE + 21


@pytest.fixture
def pair(tmp_path):
    nodes = [RowsNode(tmp_path / name, free_port()) for name in ("hospital", "faculty")]
    for one in nodes:
        one.start()
        one.agree(nodes[0].did, nodes[1].did)
    nodes[0].sha = nodes[0].seed(SIZE)
    yield nodes
    for one in nodes:
        one.stop()


def both(pair, pid, state):
    hospital, faculty = pair
    told = hospital.node.transfer.get(mirror(hospital)), faculty.node.transfer.get(pid)
    planes = hospital.plane.progress(mirror(hospital)), faculty.plane.progress(pid)
    return {state} == {one.state.value for one in (*told, *planes)}


@pytest.mark.parametrize("name", [HTTP_PULL, HTTP_PUSH])
@pytest.mark.parametrize("holder", ["provider", "consumer"])
def test_what_either_side_held_and_let_go_on_arrives_whole(pair, name, holder):
    hospital, faculty = pair
    handlers = [dict(node.runner._handlers) for node in pair]
    _, pid = started(pair, name)
    held = (
        (hospital, mirror(hospital), STEWARD) if holder == "provider" else (faculty, pid, STEWARD)
    )
    held[0].node.transfer.suspend(held[1], "A pause.", by=held[2])
    wait(lambda: both(pair, pid, "SUSPENDED"))
    for node, kept in zip(pair, handlers, strict=True):
        node.runner._handlers = kept

    held[0].node.transfer.resume(held[1], by=held[2])

    assert wait(lambda: over(faculty, pid)).state.value == "COMPLETED"
    assert [hospital.sha] == [one.sha256 for one in [faculty.plane.progress(pid)]]


def later(**_task):
    raise UnavailableError("Nothing leaves this node at the moment.")


def test_a_push_whose_hold_is_on_its_way_is_no_failure(pair):
    hospital, faculty = pair
    handlers = [dict(node.runner._handlers) for node in pair]
    own, pid = started(pair, HTTP_PUSH)
    for task in ("transfer.deliver", "transfer.flow"):  # neither the peer nor the plane is told yet
        hospital.runner._handlers[task] = later
    hospital.node.transfer.suspend(own, "A pause.", by=STEWARD)

    hospital.plane.send(own, "1")

    one = hospital.node.transfer.get(own)
    assert ("STARTED", one.pending != "") == (one.state, True)
    assert hospital.plane.progress(own).problem == "flow_cut"
    for node, kept in zip(pair, handlers, strict=True):
        node.runner._handlers = kept
    wait(lambda: both(pair, pid, "SUSPENDED"))
    hospital.node.transfer.resume(own, by=STEWARD)
    assert wait(lambda: over(faculty, pid)).state.value == "COMPLETED"


def test_a_sink_that_is_held_takes_nothing_and_says_that_it_will(pair):
    hospital, faculty = pair
    _, pid = started(pair, HTTP_PUSH)
    url, headers = opened(faculty, pid)
    hospital.node.transfer.suspend(mirror(hospital), "A pause.", by=STEWARD)
    wait(lambda: both(pair, pid, "SUSPENDED"))

    held = httpx.put(url, content=b"early", headers=headers)
    faculty.node.transfer.terminate(pid, "No more.", by=RESEARCHER)
    wait(lambda: faculty.plane.progress(pid).state == "TERMINATED")
    ended = httpx.put(url, content=b"late", headers=headers)

    assert (held.status_code, held.json()["code"]) == (503, "flow_held")
    assert ended.status_code == 401
    assert faculty.copies() == []
