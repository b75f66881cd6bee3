"""Callers that say their request a byte now and then: ended in time, the others served meanwhile.

Against real sockets: the door of the Dataspace Protocol and of rows behind the node's own server
protocol, here with a second of patience, and once a whole node process.
"""

import asyncio
import contextlib
import json
import socket
import threading
import time

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from lib.bad_peers import make_certificate
from lib.dsp_nodes import make_pair
from lib.nodes import NodeProcess, running, wait_until
from lib.serving import Served, free_port
from tidegate.api import dsp
from tidegate.node.patience import ANSWER_SPANS, ENOUGH, LARGEST_HEAD, patient

PATIENCE = 1.0  # whoever asks here has as long between connecting and asking
LONGER = 2.0  # patience where the caller is honest: the machine may take some of its time
SLACK = 30.0  # a busy machine; without an end to patience a test would hang
POST = b"POST /dsp/2025-1/catalog/request HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
HEADS = {
    "a head": POST,
    "a body of a known length": POST + b"content-length: 100000\r\n\r\n",
    "a body in chunks": POST + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n5000\r\n",
    "a body that waits for 100": POST + b"expect: 100-continue\r\ncontent-length: 90000\r\n\r\n",
}


class Doors:
    """The protocol's doors and two made for this test, behind the node's server protocol."""

    def __init__(self, folder) -> None:
        self.nodes, self.gone = make_pair(folder), threading.Event()
        routes = [
            Route("/takes", self._take, methods=["POST"]),
            Route("/headers", self._headers, methods=["POST"]),
            Route("/refuses", lambda _r: PlainTextResponse("no", 403), methods=["POST"]),
            Route("/gives", lambda _r: StreamingResponse(self._give())),
            Route("/quick", lambda _r: PlainTextResponse("here")),
            *dsp.routes(self.nodes[0]),
        ]
        self.app = Starlette(routes=routes)
        self.served = Served(self.app, http=patient(PATIENCE))
        self.address = f"http://127.0.0.1:{self.served.port}"

    async def _take(self, request):
        try:
            size = sum([len(piece) async for piece in request.stream()])
        except ClientDisconnect:
            self.gone.set()
            raise
        return PlainTextResponse(str(size))

    async def _headers(self, request):
        await request.body()
        return PlainTextResponse(",".join(request.headers))

    async def _give(self):
        try:
            while True:
                yield b" " * 65536
                await asyncio.sleep(0)
        finally:
            self.gone.set()

    def call(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.served.port), timeout=SLACK)


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    made = Doors(tmp_path_factory.mktemp("slow"))
    with made.served:
        yield made
    for node in made.nodes:
        node.ground.close()


def drip(caller: socket.socket, head: bytes, every: float = PATIENCE / 10) -> bytes:
    """Say this, then a letter now and then, until the server hangs up; return what it said."""
    caller.sendall(head)
    caller.settimeout(every)
    heard, until = b"", time.monotonic() + SLACK
    while time.monotonic() < until:
        try:
            piece = caller.recv(65536)
        except TimeoutError:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                caller.sendall(b"a")
            continue
        except ConnectionResetError:
            return heard
        if not piece:
            return heard
        heard += piece
    raise AssertionError("the server never hung up")


def rest(caller: socket.socket) -> bytes:
    """Return all that is said until the server hangs up."""
    heard = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := caller.recv(65536):
            heard += piece
    return heard


def hear(caller: socket.socket, end: bytes) -> None:
    """Read until the answer ends so."""
    heard = b""
    while not heard.endswith(end):
        piece = caller.recv(65536)
        assert piece, heard
        heard += piece


def check_told(heard: bytes, status: bytes, code: str) -> None:
    head, _, body = heard.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status)
    assert b"connection: close" in head
    assert code == json.loads(body)["code"]


@pytest.mark.parametrize("head", HEADS)
def test_a_request_that_drips_is_ended_in_words(doors, head):
    with doors.call() as caller:
        check_told(drip(caller, HEADS[head]), b"408", "too_slow")


def test_many_that_drip_hold_up_nobody(doors):
    with contextlib.ExitStack() as stack:
        heads = [HEADS[name] for name in HEADS for _ in range(50)]
        callers = [stack.enter_context(doors.call()) for _ in heads]
        for caller, head in zip(callers, heads, strict=True):
            caller.sendall(head)

        assert 200 == httpx.get(doors.address + "/quick", timeout=SLACK).status_code

        for caller in callers:
            check_told(rest(caller), b"408", "too_slow")


def test_a_caller_that_says_nothing_is_left(doors):
    with doors.call() as caller:
        assert b"" == caller.recv(100)


def test_a_door_learns_that_its_caller_was_too_slow(doors):
    doors.gone.clear()
    with doors.call() as caller:
        drip(caller, b"POST /takes HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n")

    assert doors.gone.wait(SLACK)


def test_a_refused_caller_cannot_go_on_for_ever(doors):
    with doors.call() as caller:
        heard = drip(caller, b"POST /refuses HTTP/1.1\r\nhost: x\r\ncontent-length: 90000\r\n\r\n")

    assert heard.startswith(b"HTTP/1.1 403")
    assert heard.endswith(b"no")


def test_a_slow_but_honest_body_is_taken(doors):
    piece = b" " * ENOUGH
    head = b"POST /takes HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (25 * len(piece))
    with (
        Served(doors.app, http=patient(LONGER)) as served,
        socket.create_connection(("127.0.0.1", served.port), timeout=SLACK) as caller,
    ):
        caller.sendall(head)
        for _ in range(25):
            caller.sendall(piece)
            time.sleep(LONGER / 20)

        hear(caller, str(25 * len(piece)).encode())


def test_an_idle_connection_between_two_requests_is_kept(doors):
    ask = b"GET /quick HTTP/1.1\r\nhost: x\r\n\r\n"
    with doors.call() as caller:
        for _ in range(2):
            caller.sendall(ask)
            hear(caller, b"here")
            time.sleep(2 * PATIENCE)

        check_told(drip(caller, b"GET /quick HTTP/1.1\r\nx: "), b"408", "too_slow")


def test_a_head_without_end_is_refused_before_it_fills_the_memory(doors):
    with doors.call() as caller:
        caller.sendall(b"GET /quick HTTP/1.1\r\nx: " + b"a" * (LARGEST_HEAD + 1))

        check_told(rest(caller), b"431", "head_too_large")


CHUNKED = b"POST /takes HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n"
AROUND_A_BODY = {
    "trailers": (b"0\r\n", b"a: b\r\n"),
    "one trailer": (b"0\r\nx: ", b"abcdef"),
    "a chunk's extension": (b"1;", b"abcdef"),
    "a chunk's size": (b"", b"000000"),
}


@pytest.mark.parametrize("what", AROUND_A_BODY)
def test_what_stands_around_a_body_without_end_is_refused(doors, what):
    begin, more = AROUND_A_BODY[what]
    doors.gone.clear()
    with doors.call() as caller, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        caller.sendall(CHUNKED + begin)
        for _ in range(1000):  # 60 MB, which the server's parser would keep as objects
            caller.sendall(more * 10_000)
        raise AssertionError("the server took it all")

    assert doors.gone.wait(SLACK)


def test_a_trailer_adds_nothing_to_the_headers_of_a_request(doors):
    with doors.call() as caller:
        head = CHUNKED.replace(b"/takes", b"/headers")
        caller.sendall(head + b"0\r\nauthorization: Bearer late\r\nx-forwarded-for: a\r\n\r\n")

        hear(caller, b"host,transfer-encoding")


def test_a_body_in_very_small_chunks_is_taken(doors):
    pieces = b"".join(b"1;note=%d\r\na\r\n" % number for number in range(20_000))
    with doors.call() as caller:
        caller.sendall(CHUNKED + pieces + b"0\r\n\r\n")

        hear(caller, b"20001")


def test_an_answer_nobody_takes_is_ended(doors):
    doors.gone.clear()
    with doors.call() as caller:
        caller.sendall(b"GET /gives HTTP/1.1\r\nhost: x\r\n\r\n")
        assert caller.recv(9) == b"HTTP/1.1 "

        assert doors.gone.wait(ANSWER_SPANS * PATIENCE + SLACK)


MOST = 20


@pytest.fixture
def few():
    """A server that holds few connections, and is patient."""
    going = threading.Event()

    def give():
        yield b"begun"
        going.wait(SLACK)
        yield b"whole"

    routes = [
        Route("/quick", lambda _r: PlainTextResponse("here")),
        Route("/long", lambda _r: StreamingResponse(give())),
    ]
    with Served(Starlette(routes=routes), http=patient(60, most=MOST)) as served:
        yield served, going


def test_new_callers_take_the_place_of_those_that_wait_longest(few):
    served, going = few
    with contextlib.ExitStack() as stack:

        def call(said):
            made = socket.create_connection(("127.0.0.1", served.port), timeout=SLACK)
            stack.enter_context(made).sendall(said)
            return made

        long = call(b"GET /long HTTP/1.1\r\nhost: x\r\n\r\n")
        hear(long, b"begun\r\n")
        kept = call(b"GET /quick HTTP/1.1\r\nhost: x\r\n\r\n")
        hear(kept, b"here")
        holders = [call(HEADS["a head"]) for _ in range(3 * MOST)]

        for _ in range(3):
            fresh = call(b"GET /quick HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            hear(fresh, b"here")

        assert rest(kept) == rest(holders[0]) == b""  # who waited longest has gone
        going.set()
        hear(long, b"whole\r\n0\r\n\r\n")


def test_where_every_connection_is_at_work_a_new_caller_is_sent_away(few):
    served, going = few
    with contextlib.ExitStack() as stack:
        for _ in range(MOST):
            made = socket.create_connection(("127.0.0.1", served.port), timeout=SLACK)
            stack.enter_context(made).sendall(b"GET /long HTTP/1.1\r\nhost: x\r\n\r\n")
            hear(made, b"begun\r\n")
        late = socket.create_connection(("127.0.0.1", served.port), timeout=SLACK)

        assert rest(stack.enter_context(late)) == b""
        going.set()


@pytest.mark.slow
def test_a_whole_node_serves_its_people_while_hundreds_drip(tmp_path):
    node = NodeProcess(tmp_path / "node", "Hospital", "CN-GBA9", "participant")
    with (node.home / "node.toml").open("a") as settings:
        settings.write("patience_seconds = 3\n")
    with running(node), contextlib.ExitStack() as stack:
        port = httpx.URL(node.base_url).port
        callers = []
        for number in range(300):
            caller = socket.create_connection(("127.0.0.1", port), timeout=30)
            callers.append(stack.enter_context(caller))
            caller.sendall(list(HEADS.values())[number % len(HEADS)])

        with node.client() as operator:
            assert operator.people.list_people()

        for caller in callers:
            check_told(rest(caller), b"408", "too_slow")
        wait_until(node.is_ready, 60, "the node's readiness")
    assert "a request failed" not in node.log.read_text()


class TlsNode(NodeProcess):
    """A node process behind a certificate that signs itself."""

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.base_url}/health/ready", verify=False, timeout=2).is_success
        except httpx.HTTPError:
            return False


@pytest.mark.slow
def test_callers_that_never_shake_hands_are_left(tmp_path):
    certificate, key = make_certificate(tmp_path, "127.0.0.1")
    files = ("--tls-certificate", certificate, "--tls-key", key)
    port = free_port()
    node = TlsNode(
        tmp_path / "node", "Hospital", "CN-GBA9", "participant", *files,
        "--base-url", f"https://localhost:{port}", "--port", str(port),
    )  # fmt: skip
    with (node.home / "node.toml").open("a") as settings:
        settings.write("patience_seconds = 3\n")
    with running(node), contextlib.ExitStack() as stack:
        callers = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=SLACK))
            for _ in range(50)
        ]

        assert {rest(one) for one in callers} == {b""}  # a minute later without an end to it
        wait_until(node.is_ready, 60, "the node's readiness")
