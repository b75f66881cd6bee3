"""The doors of rows under attack: odd ranges, others' tokens, replays, tricks with paths, drips."""

import contextlib
import socket
import threading

import httpx
import pytest

from integration.rows.test_rows_over_http import opened, over, started, wait
from lib.dsp_nodes import STEWARD
from lib.rows_live import MEBIBYTE, QUICK, RowsNode, content_of
from lib.serving import free_port
from tidegate.connector.dataplane.model import HTTP_PUSH
from tidegate.node.patience import patient

SIZE = MEBIBYTE + 77
PATIENCE = 2.0  # with who drips; others ask meanwhile, on a machine that may be busy


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attacked")
    nodes = [
        RowsNode(folder / name, free_port(), QUICK, http=patient(60))
        for name in ("hospital", "faculty")
    ]
    for one in nodes:
        one.start()
        one.agree(nodes[0].did, nodes[1].did)
    nodes[0].seed(SIZE)
    yield nodes
    for one in nodes:
        one.stop()


@pytest.fixture(scope="module")
def pulled(pair):
    """Return the provider's pid, address and headers of a pull that is served and not fetched."""
    own, pid = started(pair)
    url, headers = opened(pair[0], own)
    return own, pid, url, headers


@pytest.fixture(scope="module")
def whole():
    return content_of(MEBIBYTE, seed=0) + content_of(77, seed=MEBIBYTE)


@pytest.mark.parametrize(
    ("said", "status", "start", "end"),
    [
        ("bytes=0-0", 206, 0, 1),
        (f"bytes={SIZE - 1}-", 206, SIZE - 1, SIZE),
        ("bytes=-5", 206, SIZE - 5, SIZE),
        (f"bytes=-{10**17}", 206, 0, SIZE),
        (f"bytes=5-{10**17}", 206, 5, SIZE),
        # what is no single range is answered with the whole (RFC 9110 §14.2)
        ("bytes=0-10,5-20", 200, 0, SIZE),
        ("bytes=" + ",".join(["0-"] * 900), 200, 0, SIZE),
        ("bytes=10-5", 200, 0, SIZE),
        ("bytes=--5", 200, 0, SIZE),
        ("bytes=-5-10", 200, 0, SIZE),
        ("bytes=" + "9" * 4000 + "-", 200, 0, SIZE),
        ("bytes=0x10-0x20", 200, 0, SIZE),
        ("rows=0-10", 200, 0, SIZE),
    ],
)
def test_odd_ranges_are_one_part_or_the_whole_and_never_other_bytes(
    pulled, whole, said, status, start, end
):
    _, _, url, headers = pulled

    answer = httpx.get(url, headers=headers | {"range": said})

    assert answer.status_code == status
    assert answer.content == whole[start:end]
    assert int(answer.headers["content-length"]) == end - start


@pytest.mark.parametrize("said", [f"bytes={SIZE}-", f"bytes={10**17}-{10**17}", "bytes=-0"])
def test_ranges_behind_the_end_are_416_without_a_byte_of_the_content(pulled, said):
    _, _, url, headers = pulled

    answer = httpx.get(url, headers=headers | {"range": said})

    assert (answer.status_code, answer.json()["code"]) == (416, "range_unsatisfiable")


@pytest.mark.parametrize(
    "token",
    ["", "Bearer", "Bearer .", "Basic {token}", "{token}x", "x{token}", "{upper}",
     "{token} {token}",
     "Bearer {token},{token}", "null", "x" * 401, "%00", "' or 1=1 --"],
)  # fmt: skip
def test_a_token_that_is_not_the_one_opens_nothing_and_every_refusal_is_alike(pulled, token):
    _, _, url, headers = pulled
    mine = headers["authorization"]
    said = token.format(token=mine, upper=mine.swapcase())

    answers = [
        httpx.request(method, url, headers={"authorization": said})
        for method in ("GET", "HEAD", "PUT", "POST")
    ]

    assert [one.status_code for one in answers] == [401] * 4
    assert all(one.headers["www-authenticate"] == "Bearer" for one in answers)
    assert mine not in "".join(one.text for one in answers)


def test_the_token_of_one_transfer_opens_no_other_and_no_other_node(pair, pulled):
    own, pid, url, headers = pulled
    _, foreign = opened(pair[1], pid)
    other_url, other = opened(pair[0], "urn:uuid:00000000-0000-4000-8000-0000000000ff")

    assert httpx.get(url, headers=foreign).status_code == 401
    assert httpx.get(url, headers=other).status_code == 401
    assert httpx.get(other_url, headers=headers).status_code == 401
    assert httpx.get(other_url, headers=other).status_code == 401
    assert httpx.get(url.replace(own, pid), headers=headers).status_code == 401


@pytest.mark.parametrize(
    "path",
    ["{pid}/", "{pid}/../{pid}", "./{pid}", "{pid}%00", "{pid}%2f..%2f{pid}", "..%2f..%2fvault",
     "%2e%2e/%2e%2e/node.db", "{pid};x=1", "{upper}", "*", "%", "", "x" * 5000],
)  # fmt: skip
def test_tricks_with_paths_reach_no_content(pair, pulled, path):
    own, _, url, headers = pulled
    base = url.rpartition("/")[0]
    target = f"{base}/{path}".format(pid=own, upper=own.upper()).partition("://")[2]
    host, _, where = target.partition("/")
    name, _, port = host.partition(":")
    said = f"GET /{where} HTTP/1.1\r\nhost: {host}\r\nauthorization: {headers['authorization']}\r\n"

    with socket.create_connection((name, int(port)), timeout=60) as raw:
        raw.sendall(f"{said}connection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))

    status = int(answer.split(b" ", 2)[1])
    assert status in {307, 400, 401, 404}
    assert len(answer) < 2000


def test_a_sender_cannot_write_to_what_is_fetched_nor_a_reader_read_what_is_sent(pair, pulled):
    own, pid, url, headers = pulled
    before = pair[0].plane.progress(own)
    consumer, mine = opened(pair[1], pid)

    wrote = httpx.put(url, content=b"evil", headers=headers)
    read = httpx.get(consumer, headers=mine)

    assert (wrote.status_code, wrote.json()["code"]) == (403, "flow_not_push")
    assert (read.status_code, read.json()["code"]) == (403, "flow_not_push")
    assert pair[0].plane.progress(own) == before
    wait(lambda: not pair[1].drafts())


def test_one_that_drips_a_body_is_ended_holds_nobody_up_and_what_came_goes_on(tmp_path):
    nodes = [
        RowsNode(tmp_path / name, free_port(), QUICK, http=patient(PATIENCE))
        for name in ("hospital", "faculty")
    ]
    try:
        for one in nodes:
            one.start()
            one.agree(nodes[0].did, nodes[1].did)
        nodes[0].seed(SIZE)
        _, pid = started(nodes, HTTP_PUSH)
        url, headers = opened(nodes[1], pid)
        content = content_of(40_000)
        head = (
            f"PUT /rows/{pid} HTTP/1.1\r\nhost: x\r\nauthorization: {headers['authorization']}\r\n"
            f"content-range: bytes 0-39999/40000\r\ncontent-length: 40000\r\n\r\n"
        ).encode()
        threads = threading.active_count()
        with socket.create_connection(("127.0.0.1", int(url.split(":")[2].split("/")[0]))) as raw:
            raw.sendall(head + content[:20_000])
            wait(lambda: pid in nodes[1].plane.receiving._busy)
            busy = httpx.put(url, content=b"x", headers=headers)
            assert busy.status_code == 503
            raw.settimeout(20 * PATIENCE)
            answer = drip(raw, content[20_000:])
        assert answer.startswith(b"HTTP/1.1 408")
        wait(lambda: pid not in nodes[1].plane.receiving._busy)
        assert threading.active_count() <= threads + 8

        held = int(httpx.head(url, headers=headers).headers["upload-offset"])
        where = {"content-range": f"bytes {held}-39999/40000"}
        rest = httpx.put(url, content=content[held:], headers=headers | where)
        assert (rest.status_code, nodes[1].copies()) == (201, [content])
        assert held <= 20_000 + 200
    finally:
        for one in nodes:
            one.stop()


def drip(raw, content):
    """Send a byte now and then until the other side has had enough; return what it said."""
    for each in content[:400]:
        with contextlib.suppress(OSError):
            raw.sendall(bytes([each]))
        raw.settimeout(PATIENCE / 10)
        try:
            said = raw.recv(65536)
        except TimeoutError:
            continue
        return said
    raise AssertionError("the server let itself be dripped upon")


def test_replays_after_the_end_open_nothing_on_either_side(pair, pulled):
    own, pid, url, headers = pulled
    consumer, mine = opened(pair[1], pid)
    pair[0].node.transfer.terminate(own, "over", by=STEWARD)
    wait(lambda: over(pair[1], pid))
    wait(lambda: pair[0].plane.progress(own).state.value == "TERMINATED")
    wait(lambda: pair[1].plane.progress(pid).state.value == "TERMINATED")

    for place, said in ((url, headers), (consumer, mine)):
        for method in ("GET", "HEAD", "PUT", "POST"):
            assert httpx.request(method, place, headers=said).status_code == 401
    fresh_url, fresh = opened(pair[0], own)  # even a token made by mistake opens no ended flow
    assert httpx.get(fresh_url, headers=fresh).status_code == 403
    consumer, mine = opened(pair[1], pid)
    assert httpx.put(consumer, content=b"x", headers=mine).status_code == 403
    wait(lambda: not pair[1].drafts())


def test_a_finished_push_takes_no_more_and_tells_nothing_else(pair):
    faculty = pair[1]
    for node in pair:
        node.runner._handlers |= {
            "dataplane.fetch": node.plane.fetch,
            "dataplane.send": node.plane.send,
        }
    pid = faculty.ask(HTTP_PUSH)
    wait(lambda: over(faculty, pid))
    url, headers = opened(faculty, pid)

    again = httpx.put(url, content=b"evil", headers=headers)

    assert (again.status_code, again.headers["upload-complete"]) == (200, "?1")
    assert [len(one) for one in faculty.copies()] == [SIZE]
