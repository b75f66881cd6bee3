"""Rows that wait for a person's approval over real HTTP: they move once it is there, and stop."""

import httpx
import pytest

from integration.rows.test_rows_over_http import mirror, opened, over, pair, started, wait
from lib.rows_live import AGREEMENT
from tidegate.connector.dataplane.model import HTTP_PULL

__all__ = ["pair"]


def test_a_request_waits_for_the_answer_and_then_brings_the_rows(pair):
    hospital, faculty = pair
    hospital.node.crossing.pending = True
    pid = faculty.ask(HTTP_PULL)
    wait(lambda: faculty.node.transfer.get(pid).state.value == "REQUESTED")
    wait(lambda: hospital.node.transfer.list_transfers())
    assert hospital.plane.progress(mirror(hospital)) is None

    hospital.node.crossing.pending = False
    hospital.node.transfer.on_rows_answered(AGREEMENT)

    assert wait(lambda: over(faculty, pid)).state.value == "COMPLETED"
    assert len(faculty.copies()) == 1


def test_a_withdrawal_cuts_a_live_read_and_tells_the_other_side(pair):
    hospital, faculty = pair
    own, pid = started(pair)
    url, headers = opened(hospital, own)

    def read_all():
        with httpx.stream("GET", url, headers=headers) as answer:
            for number, _ in enumerate(answer.iter_raw()):
                if not number:
                    hospital.node.transfer.on_rows_withdrawn(AGREEMENT)
                    wait(lambda: hospital.plane.progress(own).state.value == "TERMINATED")

    with pytest.raises(httpx.RemoteProtocolError):
        read_all()

    told = wait(lambda: over(faculty, pid))
    assert (told.state.value, told.reason_code) == ("TERMINATED", "approval_withdrawn")
    assert httpx.get(url, headers=headers).status_code in {401, 403}
    wait(lambda: not faculty.drafts())
    assert faculty.copies() == []


def test_a_read_that_waits_for_a_new_approval_goes_on_once_it_is_there(pair):
    hospital, faculty = pair
    _, pid = started(pair)
    hospital.node.crossing.pending = True
    faculty.plane.fetch(pid, "1")
    held = faculty.plane.progress(pid)
    assert (held.problem, held.moved) == ("token_refused", 0)

    hospital.node.crossing.pending = False
    faculty.runner._handlers |= {"dataplane.fetch": faculty.plane.fetch}

    assert wait(lambda: over(faculty, pid)).state.value == "COMPLETED"
