"""Kill -9 of either side while rows move: both converge, and no byte is fetched from the start."""

import time

import pytest

from lib.rows_live import MEBIBYTE, RowsProcess, drafts_size
from tidegate.connector.dataplane.model import HTTP_PULL, HTTP_PUSH

SIZE = 48 * MEBIBYTE + 99


@pytest.fixture
def pair(tmp_path):
    nodes = [RowsProcess(tmp_path / name) for name in ("hospital", "faculty")]
    for one in nodes:
        one.ask("agree", provider=nodes[0].did, consumer=nodes[1].did)
    yield nodes
    for one in nodes:
        one.kill()


def wait(question, seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = question()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError("it never happened")


@pytest.mark.parametrize("name", [HTTP_PULL, HTTP_PUSH])
@pytest.mark.parametrize("victim", [0, 1], ids=["provider", "consumer"])
def test_a_killed_side_goes_on_where_the_bytes_ended(pair, name, victim):
    hospital, faculty = pair
    mover = faculty if name == HTTP_PULL else hospital
    sha = hospital.ask("seed", size=SIZE)
    mover.ask("hold")
    pid = faculty.ask("ask", name=name)

    wait(lambda: drafts_size(faculty.folder) > 3 * MEBIBYTE)
    pair[victim].kill()
    before = drafts_size(faculty.folder)
    if mover is not pair[victim]:
        mover.ask("go_on")
    pair[victim].start()
    state = wait(
        lambda: (one := faculty.ask("transfers")[0])["state"] in {"COMPLETED", "TERMINATED"} and one
    )

    assert state["state"] == "COMPLETED", state
    assert faculty.ask("copies") == [[SIZE, sha]]
    flow = faculty.ask("flow", pid=pid)
    assert (flow["moved"], flow["sha256"]) == (SIZE, sha)
    assert 3 * MEBIBYTE < before < SIZE
    wait(lambda: hospital.ask("transfers")[0]["state"] == "COMPLETED")
