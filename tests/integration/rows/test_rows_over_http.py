"""Rows between two nodes over real HTTP: fetched, sent, cut, refused; what the doors answer."""

import base64
import hashlib
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import select, update

from lib.dsp_nodes import STEWARD
from lib.rows_live import (
    AGREEMENT,
    FREE,
    MEBIBYTE,
    QUICK,
    RowsNode,
    content_of,
    mirror,
    opened,
    over,
    started,
    wait,
)
from lib.serving import free_port
from tidegate.connector.dataplane import calling, fetching, service
from tidegate.connector.dataplane.desk import evidence
from tidegate.connector.dataplane.model import HTTP_PULL, HTTP_PUSH
from tidegate.db.tables.connector import connector_token
from tidegate.kernel.clock import iso
from tidegate.policy.errors import UseWithheldError
from tidegate.policy.service import research_policy, rows_refusal

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SIZE = 9 * MEBIBYTE + 4321


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


@pytest.mark.parametrize("name", [HTTP_PULL, HTTP_PUSH])
def test_rows_arrive_whole_encrypted_and_with_evidence_on_both_sides(pair, name, tmp_path):
    hospital, faculty = pair
    pid = faculty.ask(name)
    one = wait(lambda: over(faculty, pid))
    wait(lambda: over(hospital, mirror(hospital)))

    assert one.state.value == "COMPLETED", one.reason
    (copy,) = faculty.copies()
    assert hashlib.sha256(copy).hexdigest() == hospital.sha
    flow = faculty.plane.progress(pid)
    assert (flow.total, flow.moved, flow.sha256) == (SIZE, SIZE, hospital.sha)
    wait(lambda: not faculty.drafts())  # or a file may go while they are read
    sample = copy[5_000_000:5_000_064]
    files = [p for p in (tmp_path / "faculty").rglob("*") if p.is_file()]
    assert files
    assert not any(sample in p.read_bytes() for p in files)


def knows_of_its_start(provider):
    """Tell whether the provider has heard that its start arrived."""
    one = provider.node.transfer.get(mirror(provider))
    return one.state.value == "STARTED" and not one.pending


def test_a_token_about_to_end_is_renewed_before_the_fetch_and_costs_no_try(tmp_path, monkeypatch):
    renewals, misses = [], []

    def renewed(desk, record, old):
        wait(lambda: knows_of_its_start(hospital))  # or it refuses, and the old token goes on
        renewals.append((old, fresh := calling.renewed(desk, record, old)))
        return fresh

    monkeypatch.setattr(fetching, "renewed", renewed)
    monkeypatch.setattr(fetching.Fetching, "_missed", lambda *said: misses.append(said))
    early = replace(QUICK, renew_before_seconds=QUICK.token_seconds + 60)
    hospital = RowsNode(tmp_path / "hospital", free_port())
    faculty = RowsNode(tmp_path / "faculty", free_port(), early)
    pair = (hospital, faculty)
    try:
        for one in pair:
            one.start()
            one.agree(hospital.did, faculty.did)
        sha = hospital.seed(SIZE)
        pid = faculty.ask(HTTP_PULL)

        assert wait(lambda: over(faculty, pid)).state.value == "COMPLETED"
    finally:
        for one in pair:
            one.stop()
    assert renewals
    assert all(
        old.properties["authorization"] != new.properties["authorization"] for old, new in renewals
    )
    assert [] == [one for one in misses if one[0]._desk is faculty.plane._desk]
    assert hashlib.sha256(faculty.copies()[0]).hexdigest() == sha


def test_a_plane_told_twice_at_once_that_bytes_may_move_starts_once(pair, monkeypatch):
    hospital = pair[0]
    own, _ = started(pair)
    plane = hospital.plane
    flow = replace(plane._desk.get(own).flow, pid="urn:uuid:twice")
    plane.start(flow, None)
    told = []

    def meanwhile(record):
        if not told:
            told.append("again")
            plane.started(flow, None)
        return evidence(record)

    monkeypatch.setattr(service, "evidence", meanwhile)

    assert plane.started(flow, None).state.value == "STARTED"
    record = plane._desk.get(flow.pid)
    assert (told, record.state.value, record.chain) == (["again"], "STARTED", 1)


def test_the_provider_keeps_how_far_a_fetch_is(pair):
    hospital, faculty = pair
    pid = faculty.ask(HTTP_PULL)
    wait(lambda: over(faculty, pid))

    found = wait(lambda: hospital.plane.progress(mirror(hospital)))
    assert (found.total, found.sha256) == (SIZE, hospital.sha)
    wait(lambda: hospital.plane.progress(mirror(hospital)).moved == SIZE)


def test_the_door_serves_ranges(pair):
    hospital = pair[0]
    own, _ = started(pair)
    url, headers = opened(hospital, own)
    whole = httpx.get(url, headers=headers)
    head = httpx.head(url, headers=headers)
    part = httpx.get(url, headers=headers | {"range": "bytes=1048570-1048585"})
    tail = httpx.get(url, headers=headers | {"range": "bytes=-5"})
    beyond = httpx.get(url, headers=headers | {"range": f"bytes={SIZE}-"})
    etag = whole.headers["etag"]
    same = httpx.get(url, headers=headers | {"range": "bytes=0-0", "if-range": etag})
    other = httpx.get(url, headers=headers | {"range": "bytes=0-0", "if-range": '"x"'})

    assert (whole.status_code, len(whole.content), etag) == (200, SIZE, f'"{hospital.sha}"')
    assert hashlib.sha256(whole.content).hexdigest() == hospital.sha
    assert (head.status_code, head.content) == (200, b"")
    assert (head.headers["content-length"], head.headers["etag"]) == (str(SIZE), etag)
    assert head.headers["accept-ranges"] == "bytes"
    assert (part.status_code, part.content) == (206, whole.content[1048570:1048586])
    assert part.headers["content-range"] == f"bytes 1048570-1048585/{SIZE}"
    assert tail.content == whole.content[-5:]
    assert beyond.status_code == 416
    assert (same.status_code, other.status_code) == (206, 200)


def test_a_foreign_or_late_token_opens_nothing(pair):
    hospital, faculty = pair
    own, pid = started(pair)
    url, headers = opened(hospital, own)
    theirs = opened(faculty, pid)[1]
    bearer = {"authorization": f"Bearer {headers['authorization']}", "range": "bytes=0-9"}

    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers={"authorization": "Bearer x"}).status_code == 401
    assert httpx.get(url, headers=theirs).status_code == 401
    assert httpx.get(url.replace(own, "urn:uuid:other"), headers=headers).status_code == 401
    assert httpx.get(url, headers=bearer).status_code == 206
    with hospital.ground.journal.upkeep() as tx:
        tx.connection.execute(update(connector_token).values(expires_at=iso(LONG_AGO)))
    assert httpx.get(url, headers=headers).status_code == 401


def test_a_suspended_transfer_and_a_closed_crossing_refuse_every_read(pair):
    hospital = pair[0]
    own, _ = started(pair)
    url, headers = opened(hospital, own)
    hospital.node.crossing.refusal = "The permit has ended."
    refused = httpx.get(url, headers=headers)
    hospital.node.crossing.refusal = ""
    hospital.node.transfer.suspend(own, "audit", by=STEWARD)
    held = httpx.get(url, headers=opened(hospital, own)[1])

    assert (refused.status_code, refused.json()["message"]) == (403, "The permit has ended.")
    assert held.status_code in {401, 403}


def test_a_read_that_comes_before_the_answer_to_our_start_is_let_in_once_that_is_there(pair):
    hospital, faculty = pair
    on_its_way, follow = threading.Event(), hospital.plane.started
    hospital.plane.started = lambda *said: on_its_way.wait(20) and follow(*said)
    faculty.runner._handlers = {
        key: one for key, one in faculty.runner._handlers.items() if key != "dataplane.fetch"
    }
    pid = faculty.ask(HTTP_PULL)
    wait(lambda: faculty.node.transfer.get(pid).state.value == "STARTED")
    url, headers = opened(hospital, mirror(hospital))
    timer = threading.Timer(0.3, on_its_way.set)
    timer.start()

    answer = httpx.get(url, headers={**headers, "range": "bytes=0-9"})

    timer.join()
    assert (answer.status_code, len(answer.content)) == (206, 10)


def test_an_ended_agreement_cuts_a_live_read(pair):
    hospital = pair[0]
    own, _ = started(pair)
    url, headers = opened(hospital, own)
    got = 0

    def read_all():
        nonlocal got
        with httpx.stream("GET", url, headers=headers) as answer:
            for piece in answer.iter_raw():
                if not got:
                    hospital.node.policy.end_agreement(AGREEMENT, "over", by=STEWARD)
                    hospital.node.transfer.on_agreement_ended(AGREEMENT)
                    wait(lambda: hospital.plane.progress(own).state.value == "TERMINATED")
                got += len(piece)

    with pytest.raises(httpx.RemoteProtocolError):
        read_all()

    assert got < SIZE
    assert httpx.get(url, headers=headers).status_code in {401, 403}


def test_tampered_bytes_are_refused_and_nothing_of_them_is_kept(pair):
    hospital, faculty = pair
    parcel = hospital.rows.parcel_for("ver_rows", AGREEMENT)
    with hospital.ground.journal.write(by="system:t", did="parcel.made", to="parcel:x") as tx:
        from dataclasses import replace

        from tidegate.commons import store

        store.save_parcel(tx.connection, replace(parcel, sha256="0" * 64))
    pid = faculty.ask(HTTP_PULL)
    one = wait(lambda: over(faculty, pid))

    assert (one.state.value, one.reason_code) == ("TERMINATED", "digest_wrong")
    assert faculty.copies() == []


def test_a_push_is_taken_in_order_and_once(pair):
    faculty = pair[1]
    _, pid = started(pair, HTTP_PUSH)
    url, headers = opened(faculty, pid)
    content = content_of(3 * MEBIBYTE)
    digest = hashlib.sha256(content).digest()

    said = {"repr-digest": f"sha-256=:{base64.b64encode(digest).decode()}:"}

    def put(start, end, **more):
        where = {"content-range": f"bytes {start}-{end - 1}/{len(content)}"}
        return httpx.put(url, content=content[start:end], headers=headers | where | said | more)

    first = put(0, MEBIBYTE)
    told = httpx.head(url, headers=headers)
    gap = put(2 * MEBIBYTE, 3 * MEBIBYTE)
    again = put(MEBIBYTE // 2, MEBIBYTE)
    wrong = httpx.put(url, content=b"x", headers=headers | {"content-range": "bytes x"})
    last = put(MEBIBYTE, 3 * MEBIBYTE)
    after = put(0, MEBIBYTE)

    assert (first.status_code, first.headers["upload-offset"]) == (202, str(MEBIBYTE))
    assert (told.status_code, told.headers["upload-offset"]) == (200, str(MEBIBYTE))
    assert (gap.status_code, gap.headers["upload-offset"]) == (409, str(MEBIBYTE))
    assert again.status_code == 409
    assert wrong.status_code == 400
    assert (last.status_code, last.headers["upload-complete"]) == (201, "?1")
    assert after.status_code == 200
    assert faculty.copies() == [content]


def test_the_token_of_a_push_lives_on_while_its_bytes_come(pair):
    faculty = pair[1]
    _, pid = started(pair, HTTP_PUSH)
    url, headers = opened(faculty, pid)
    soon, later = (iso(datetime.now(UTC) + timedelta(seconds=each)) for each in (30, 600))
    with faculty.ground.journal.upkeep() as tx:
        tx.connection.execute(update(connector_token).values(expires_at=soon))
    content = content_of(2 * MEBIBYTE)

    def put(start, end):
        where = {"content-range": f"bytes {start}-{end - 1}/{len(content)}"}
        httpx.put(url, content=content[start:end], headers=headers | where).raise_for_status()

    put(0, MEBIBYTE)
    read = faculty.ground.journal.read
    ends = read(lambda conn: conn.scalars(select(connector_token.c.expires_at)).all())
    put(MEBIBYTE, len(content))

    assert ends
    assert all(each > later for each in ends)


def test_a_push_with_another_hash_is_refused(pair):
    faculty = pair[1]
    _, pid = started(pair, HTTP_PUSH)
    url, headers = opened(faculty, pid)
    said = {"repr-digest": "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"}

    refused = httpx.put(url, content=b"not empty", headers=headers | said)

    assert (refused.status_code, refused.json()["code"]) == (400, "digest_wrong")
    assert faculty.copies() == []


def test_a_push_without_ranges_or_length_is_taken_too(pair):
    faculty = pair[1]
    _, pid = started(pair, HTTP_PUSH)
    url, headers = opened(faculty, pid)

    def pieces():
        yield b"a" * 70_000
        yield b"b" * 5

    answer = httpx.post(url, content=pieces(), headers=headers)

    assert answer.status_code == 201
    assert faculty.copies() == [b"a" * 70_000 + b"b" * 5]


def test_two_senders_at_once_do_not_mix(pair):
    faculty = pair[1]
    _, pid = started(pair, HTTP_PUSH)
    url, headers = opened(faculty, pid)
    go, done = threading.Event(), []

    def slow():
        yield b"a" * MEBIBYTE
        go.wait(60)
        yield b"a"

    first = threading.Thread(
        target=lambda: done.append(httpx.post(url, content=slow(), headers=headers, timeout=120))
    )
    first.start()
    wait(lambda: pid in faculty.plane.receiving._busy)
    second = httpx.post(url, content=b"b" * 10, headers=headers)
    go.set()
    first.join()

    assert second.status_code == 503
    assert done[0].status_code == 201
    assert faculty.copies() == [b"a" * (MEBIBYTE + 1)]


def test_a_push_to_an_address_inside_the_network_is_never_sent(pair):
    faculty = pair[1]
    faculty.plane._desk = replace(faculty.plane._desk, doors="http://169.254.169.254/rows")
    pid = faculty.ask(HTTP_PUSH)
    one = wait(lambda: over(faculty, pid))

    assert (one.state.value, one.reason_code) == ("TERMINATED", "address_refused")


@pytest.mark.parametrize(
    ("terms", "names"),
    [
        ({}, "compute-place"),
        ({"compute": ""}, "minimum-cell"),
        ({"compute": "", "minimum_cell": 0, "review": "every"}, "output-review"),
        ({"compute": "", "minimum_cell": 0, "forbid": ("use",)}, "prohibits"),
    ],
)
def test_only_a_policy_that_can_be_kept_elsewhere_lets_rows_leave(terms, names):
    try:
        policy = research_policy(**terms)
    except Exception:  # noqa: BLE001 - a policy that contradicts itself cannot be signed at all
        return
    refusal = rows_refusal(policy)
    assert refusal is not None
    assert names in refusal.message
    assert isinstance(refusal.as_error(), UseWithheldError)
    assert rows_refusal(FREE) is None
