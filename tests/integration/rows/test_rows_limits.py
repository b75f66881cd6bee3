"""What arrives is bounded: by what was declared, by the node's limit, by its disk, by a stop."""

import hashlib
import threading
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from integration.rows.test_rows_over_http import mirror, opened, over, started, wait
from lib.dsp_nodes import STEWARD
from lib.rows_live import MEBIBYTE, QUICK, RowsNode, content_of
from lib.serving import Served, free_port
from tidegate.connector.dataplane.model import HTTP_PULL, HTTP_PUSH, HTTP_TYPE, PlaneAddress
from tidegate.db.tables.connector import connector_token

SMALL = replace(QUICK, most_bytes=2 * MEBIBYTE, keep_free=0, look_every_bytes=MEBIBYTE)
FULL = replace(QUICK, keep_free=2**62)


def made(tmp_path, settings, size):
    nodes = [
        RowsNode(tmp_path / "hospital", free_port()),
        RowsNode(tmp_path / "faculty", free_port(), settings),
    ]
    for one in nodes:
        one.start()
        one.agree(nodes[0].did, nodes[1].did)
    nodes[0].seed(size)
    return nodes


@pytest.fixture
def pair(tmp_path, request):
    settings, size = getattr(request, "param", (SMALL, 3 * MEBIBYTE))
    nodes = made(tmp_path, settings, size)
    yield nodes
    for one in nodes:
        one.stop()


def endless(until):
    """Send without end, until `until()`, and no more than a hundred mebibytes."""
    for _ in range(1600):
        if until():
            return
        yield b"x" * 65536


def put(url, headers, content, **more):
    """Send; a server that hangs up in the middle of what is sent answers None."""
    try:
        return httpx.put(url, content=content, headers=headers | more, timeout=30)
    except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
        return None


def test_an_endless_push_is_ended_and_nothing_of_it_is_kept(pair):
    faculty = pair[1]
    _, pid = started(pair, HTTP_PUSH)
    url, headers = opened(faculty, pid)

    answer = put(url, headers, endless(lambda: over(faculty, pid)))

    one = wait(lambda: over(faculty, pid))
    assert answer is None or answer.json()["code"] == "content_too_large"
    assert (one.state.value, one.reason_code) == ("TERMINATED", "content_too_large")
    wait(lambda: faculty.plane.progress(pid).state.value == "TERMINATED")
    wait(lambda: not faculty.drafts())
    assert (faculty.copies(), faculty.plane.receiving._drafts) == ([], {})


@pytest.mark.parametrize("total", [str(5 * MEBIBYTE), "9" * 18])
def test_a_push_that_declares_too_much_is_refused_before_its_first_byte(pair, total):
    faculty = pair[1]
    _, pid = started(pair, HTTP_PUSH)
    url, headers = opened(faculty, pid)

    where = {"content-range": f"bytes 0-9/{total}"}
    answer = httpx.put(url, content=b"0123456789", headers=headers | where)

    assert (answer.status_code, answer.json()["code"]) == (413, "content_too_large")
    assert answer.json()["details"] == {"most": str(2 * MEBIBYTE)}
    assert wait(lambda: over(faculty, pid)).reason_code == "content_too_large"
    assert wait(lambda: over(pair[0], mirror(pair[0]))).reason_code == "content_too_large"
    wait(lambda: not faculty.drafts())


def test_more_than_was_declared_is_refused_and_what_came_is_dropped(pair):
    faculty = pair[1]
    _, pid = started(pair, HTTP_PUSH)
    url, headers = opened(faculty, pid)
    where = {"content-range": f"bytes 0-{MEBIBYTE - 1}/{2 * MEBIBYTE}"}

    answer = httpx.put(url, content=b"x" * (MEBIBYTE + 5), headers=headers | where)
    told = httpx.head(url, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "content_longer")
    assert told.headers["upload-offset"] == "0"


def test_another_total_in_the_middle_is_refused(pair):
    faculty = pair[1]
    _, pid = started(pair, HTTP_PUSH)
    url, headers = opened(faculty, pid)

    httpx.put(url, content=b"0123", headers=headers | {"content-range": "bytes 0-3/10"})
    other = httpx.put(url, content=b"4567", headers=headers | {"content-range": "bytes 4-7/9"})
    last = httpx.put(url, content=b"456789", headers=headers | {"content-range": "bytes 4-9/10"})

    assert (other.status_code, other.json()["code"]) == (400, "content_changed")
    assert last.status_code == 201
    assert faculty.copies() == [b"0123456789"]


def test_a_pull_that_declares_too_much_ends_with_the_reason_on_both_sides(pair):
    hospital, faculty = pair
    pid = faculty.ask(HTTP_PULL)

    one = wait(lambda: over(faculty, pid))

    assert (one.state.value, one.reason_code) == ("TERMINATED", "content_too_large")
    assert wait(lambda: over(hospital, mirror(hospital))).reason_code == "content_too_large"
    wait(lambda: not faculty.drafts())
    assert faculty.copies() == []


def test_an_endless_pull_is_ended_and_nothing_of_it_is_kept(pair):
    faculty = pair[1]
    _, pid = started(pair)
    source = Starlette(
        routes=[Route("/", lambda _r: StreamingResponse(endless(lambda: over(faculty, pid))))]
    )
    with Served(source) as served:
        address = PlaneAddress(HTTP_TYPE, f"http://127.0.0.1:{served.port}/", {})
        desk = faculty.plane._desk
        record = desk.save(replace(desk.get(pid), address=desk.seal(pid, address)))
        faculty.plane.fetch(pid, str(record.chain))

    one = wait(lambda: over(faculty, pid))
    assert (one.state.value, one.reason_code) == ("TERMINATED", "content_too_large")
    wait(lambda: faculty.plane.progress(pid).state.value == "TERMINATED")
    wait(lambda: not faculty.drafts())
    assert faculty.copies() == []


@pytest.mark.parametrize("pair", [(FULL, MEBIBYTE)], indirect=True)
def test_a_full_disk_takes_nothing_and_the_transfer_goes_on_once_there_is_room(pair):
    faculty = pair[1]
    pid = faculty.ask(HTTP_PUSH)
    wait(lambda: pair[0].node.transfer.list_transfers())
    sender = mirror(pair[0])
    wait(lambda: (one := pair[0].plane.progress(sender)) and one.tries_without_progress)
    address = faculty.plane._desk.grant(pid)
    headers = {"authorization": address.properties["authorization"]}
    refused = httpx.put(address.endpoint, content=b"x" * 10, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (507, "disk_low")
    assert httpx.head(address.endpoint, headers=headers).headers["upload-offset"] == "0"

    room = replace(faculty.plane._desk, settings=QUICK)
    faculty.plane.receiving._desk = room

    assert wait(lambda: over(faculty, pid)).state.value == "COMPLETED"


def test_a_stopped_push_leaves_no_draft_behind(pair):
    faculty = pair[1]
    _, pid = started(pair, HTTP_PUSH)
    url, headers = opened(faculty, pid)
    go = threading.Event()

    def slow():
        yield b"a" * MEBIBYTE
        go.wait(20)
        yield b"b" * 100

    sender = threading.Thread(target=put, args=(url, headers, slow()))
    sender.start()
    wait(lambda: faculty.drafts())
    faculty.node.transfer.terminate(pid, "no more", by=STEWARD)
    wait(lambda: faculty.plane.progress(pid).state.value == "TERMINATED")
    go.set()
    sender.join()

    wait(lambda: pid not in faculty.plane.receiving._busy and not faculty.drafts())
    assert faculty.plane.receiving._drafts == {}
    assert faculty.plane.receiving._leaving == {}


def test_a_put_that_brings_nothing_prolongs_no_token(pair):
    faculty = pair[1]
    _, pid = started(pair, HTTP_PUSH)
    url, headers = opened(faculty, pid)
    where = {"content-range": "bytes 0-3/10"}

    def ends():
        return faculty.ground.journal.read(
            lambda conn: conn.scalars(select(connector_token.c.expires_at)).all()
        )

    before = ends()
    empty = httpx.put(url, content=b"", headers=headers | where)
    assert (empty.status_code, ends()) == (400, before)
    httpx.put(url, content=b"0123", headers=headers | where)
    after = ends()
    assert after > before
    again = httpx.put(url, content=b"", headers=headers | {"content-range": "bytes 4-9/10"})

    assert (again.json()["code"], ends()) == ("length_wrong", after)


def test_a_copy_that_is_whole_is_kept_though_the_call_that_brought_it_was_cut(pair):
    faculty = pair[1]
    _, pid = started(pair, HTTP_PUSH)
    url, headers = opened(faculty, pid)
    content = content_of(4321)
    digest = hashlib.sha256(content).hexdigest()
    receiving = faculty.plane.receiving
    record = receiving.begin(faculty.plane._desk.get(pid), 0, len(content), digest)
    draft = receiving.draft(record)
    receiving.take(record, draft, content, -1, threading.Event())

    told = httpx.head(url, headers=headers)

    assert (told.status_code, told.headers["upload-complete"]) == (200, "?1")
    assert faculty.copies() == [content]
    last = httpx.put(url, content=b"x", headers=headers | {"content-range": "bytes 9-9/4321"})
    assert last.status_code == 200


def test_a_disk_that_fills_up_in_the_middle_is_given_back_what_came(pair, monkeypatch):
    faculty = pair[1]
    _, pid = started(pair, HTTP_PUSH)
    url, headers = opened(faculty, pid)
    where = {"content-range": f"bytes 0-9/{2 * MEBIBYTE}"}
    assert httpx.put(url, content=b"0123456789", headers=headers | where).status_code == 202
    before = faculty.drafts()

    monkeypatch.setattr(faculty.rows, "free_bytes", lambda: -1)
    where = {"content-range": f"bytes 10-{2 * MEBIBYTE - 1}/{2 * MEBIBYTE}"}
    full = httpx.put(url, content=b"x" * (2 * MEBIBYTE - 10), headers=headers | where)
    told = httpx.head(url, headers=headers)

    assert (full.status_code, full.json()["code"]) == (507, "disk_low")
    assert (told.status_code, told.headers["upload-offset"]) == (200, "0")
    assert set(before).isdisjoint(faculty.drafts())
    monkeypatch.undo()
    whole = httpx.put(url, content=b"y" * 50, headers=headers)
    assert (whole.status_code, faculty.copies()) == (201, [b"y" * 50])
