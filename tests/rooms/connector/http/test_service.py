"""The outgoing client: limits, redirects, and connections to checked addresses only."""

import threading

import httpcore
import httpx
import pytest

from tidegate.connector.errors import (
    AddressRefusedError,
    PeerAnswerError,
    PeerDeclinedError,
    PeerUnreachableError,
)
from tidegate.connector.http.model import Answer, HttpSettings
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.http.transport import Deadline, GuardedBackend, GuardedTransport

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
URL = "https://node.example.org/x"


class Pieces(httpcore.NetworkStream):
    """A connection that yields prepared pieces and moves a clock at each read."""

    def __init__(self, pieces, moments) -> None:
        self.pieces = list(pieces)
        self.moments = moments

    def read(self, max_bytes, timeout=None):
        self.moments.advance(1.0)
        return self.pieces.pop(0) if self.pieces else b""

    def write(self, buffer, timeout=None):
        pass

    def close(self):
        pass

    def start_tls(self, ssl_context, server_hostname=None, timeout=None):
        return self


class Network(httpcore.NetworkBackend):
    """A network that remembers where it was asked to connect."""

    def __init__(self, pieces=(OK,), refusing=()) -> None:
        self.pieces = pieces
        self.refusing = refusing
        self.connected: list[str] = []
        self.moments = Moments()

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.connected.append(host)
        if host in self.refusing:
            raise httpcore.ConnectError("refused")
        return Pieces(self.pieces, self.moments)


class Moments:
    """A monotonic clock moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def client(network, addresses, *, loopback=False, **limits):
    settings = HttpSettings(loopback=loopback, **limits)
    names = (lambda _host, _port: addresses) if isinstance(addresses, tuple) else addresses
    deadline = Deadline(network.moments)
    backend = GuardedBackend(loopback=loopback, deadline=deadline, resolver=names, inner=network)
    transport = GuardedTransport(settings, backend, deadline)
    return PeerHttp(settings, transport=transport, deadline=deadline)


def answering(response: httpx.Response, **limits) -> PeerHttp:
    return PeerHttp(
        HttpSettings(loopback=True, **limits), transport=httpx.MockTransport(lambda _r: response)
    )


def test_the_checked_address_is_the_one_connected_to():
    network = Network()

    answer = client(network, ("93.184.216.34",)).get(URL)

    assert (200, {}) == (answer.status, answer.body)
    assert ["93.184.216.34"] == network.connected


@pytest.mark.parametrize("inside", ["127.0.0.1", "169.254.169.254", "10.1.2.3", "::1"])
def test_a_name_that_leads_inside_is_not_called(inside):
    network = Network()

    with pytest.raises(AddressRefusedError):
        client(network, (inside,)).get(URL)

    assert [] == network.connected


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST.", "node.localhost", "a.LocalHost."])
def test_a_name_of_this_machine_is_refused_and_no_name_server_asked(name):
    network, asked = Network(), []

    with pytest.raises(AddressRefusedError):
        client(network, lambda host, _port: asked.append(host) or ("93.184.216.34",)).get(
            f"https://{name}/x"
        )

    assert ([], []) == (asked, network.connected)


def test_a_name_that_changes_its_mind_gains_nothing():
    turns = iter([("93.184.216.34",), ("127.0.0.1",)])
    network = Network(pieces=(OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"),))
    http = client(network, lambda _host, _port: next(turns))

    http.get(URL)

    with pytest.raises(AddressRefusedError):
        http.get(URL)
    assert ["93.184.216.34"] == network.connected


def test_inside_addresses_among_public_ones_are_left_out():
    network = Network()

    client(network, ("127.0.0.1", "93.184.216.34")).get(URL)

    assert ["93.184.216.34"] == network.connected


def test_the_next_address_is_tried_when_one_refuses():
    network = Network(refusing=("93.184.216.34",))

    client(network, ("93.184.216.34", "93.184.216.35")).get(URL)

    assert ["93.184.216.34", "93.184.216.35"] == network.connected


def test_a_name_without_addresses_is_unreachable():
    def unknown(_host, _port):
        raise OSError("no such name")

    with pytest.raises(PeerUnreachableError):
        client(Network(), unknown).get(URL)


def test_a_slow_stream_ends_with_the_time_of_the_call():
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9000\r\n\r\n"
    network = Network(pieces=(head, *(b" " for _ in range(9000))))

    with pytest.raises(PeerUnreachableError) as refusal:
        client(network, ("93.184.216.34",), total_seconds=20.0).get(URL)

    assert "peer_timeout" == refusal.value.code
    assert network.moments.now < 25


def test_slow_headers_end_with_the_time_of_the_call():
    network = Network(pieces=tuple(OK[at : at + 1] for at in range(len(OK))))

    with pytest.raises(PeerUnreachableError):
        client(network, ("93.184.216.34",), total_seconds=10.0).get(URL)

    assert network.moments.now < 15


@pytest.mark.parametrize("headers", [{}, {"content-length": "200"}])
def test_an_answer_over_the_limit_is_cut_off(headers):
    response = httpx.Response(200, headers=headers, stream=httpx.ByteStream(b"[" + b" " * 199))

    with pytest.raises(PeerAnswerError) as refusal:
        answering(response, max_answer_bytes=100).get("http://localhost:1/")

    assert "answer_too_large" == refusal.value.code


def test_a_redirect_is_handed_back_and_not_followed():
    response = httpx.Response(
        302, headers={"location": "http://127.0.0.1/"}, stream=httpx.ByteStream(b"")
    )

    answer = answering(response).get("http://localhost:1/")

    with pytest.raises(PeerAnswerError, match="redirects"):
        answer.checked()


def test_a_nested_answer_is_refused():
    deep = b"[" * 5000 + b"]" * 5000
    response = httpx.Response(
        200, headers={"content-type": "application/json"}, stream=httpx.ByteStream(deep)
    )

    with pytest.raises(PeerAnswerError) as refusal:
        answering(response).get("http://localhost:1/")

    assert "json_too_deep" == refusal.value.code


def test_an_error_with_a_broken_body_is_still_that_error():
    response = httpx.Response(
        404, headers={"content-type": "application/json"}, stream=httpx.ByteStream(b"{")
    )

    assert 404 == answering(response).get("http://localhost:1/").status


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, PeerDeclinedError), (404, PeerDeclinedError), (429, PeerUnreachableError),
     (503, PeerUnreachableError), (500, PeerUnreachableError), (301, PeerAnswerError)],
)  # fmt: skip
def test_a_status_says_whether_trying_again_helps(status, kind):
    with pytest.raises(kind):
        Answer(status).checked()


def test_the_reason_of_a_refusal_is_passed_on():
    answer = Answer(403, body={"message": "not a member", "error": "forbidden"})

    with pytest.raises(PeerDeclinedError, match="not a member"):
        answer.checked()
    assert "" == Answer(403, body=["x"]).reason
    assert "" == Answer(403, body={"message": 7}).reason


def test_text_answers_come_back_as_text():
    response = httpx.Response(
        200, headers={"content-type": "application/vc+jwt"}, stream=httpx.ByteStream(b"a.b.c")
    )

    assert "a.b.c" == answering(response).get("http://localhost:1/").text


def test_a_body_and_a_token_are_sent():
    seen = []

    def app(request):
        seen.append((request.headers["authorization"], request.read()))
        return httpx.Response(200, stream=httpx.ByteStream(b""))

    http = PeerHttp(HttpSettings(loopback=True), transport=httpx.MockTransport(app))
    http.post("http://localhost:1/", {"a": 1}, authorization="Bearer x")
    http.close()

    assert [("Bearer x", b'{"a":1}')] == seen
    assert http.is_loopback


def test_name_servers_that_hang_are_left_in_time():
    hanging = threading.Event()

    def never(_host, _port):
        hanging.wait(10)
        return ("93.184.216.34",)

    http = client(Network(), never, connect_seconds=0.05)

    with pytest.raises(PeerUnreachableError) as refusal:
        http.get(URL)
    hanging.set()

    assert "peer_timeout" == refusal.value.code
