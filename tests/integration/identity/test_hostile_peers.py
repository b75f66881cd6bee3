"""The outgoing client against real sockets that misbehave."""

import socket
import threading
import time

import pytest

from lib.ground import ManualClock
from tidegate.connector.errors import (
    AddressRefusedError,
    DidInvalidError,
    PeerAnswerError,
    PeerUnreachableError,
)
from tidegate.connector.http.model import HttpSettings
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity.model import IdentitySettings
from tidegate.connector.identity.resolver import DidResolver
from tidegate.kernel.clock import SystemClock

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


class Server:
    """Accepts connections and lets `speak` misbehave on each."""

    def __init__(self, speak) -> None:
        self.speak = speak
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/"
        self.calls = 0
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def loop(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.calls += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection) -> None:
        with connection:
            try:
                connection.recv(65536)
                self.speak(connection)
            except OSError:
                return

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def serving():
    opened = []

    def start(speak):
        opened.append(Server(speak))
        return opened[-1]

    yield start
    for server in opened:
        server.close()


@pytest.fixture
def http():
    client = PeerHttp(HttpSettings(loopback=True, total_seconds=1.0))
    yield client
    client.close()


def endless(connection) -> None:
    connection.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
    piece = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    for _ in range(100):
        connection.sendall(piece)


def drip(connection) -> None:
    connection.sendall(HEAD + b"content-length: 5000\r\n\r\n")
    for _ in range(2000):
        connection.sendall(b" ")
        time.sleep(0.05)


def drip_headers(connection) -> None:
    for letter in HEAD * 50:
        connection.sendall(bytes([letter]))
        time.sleep(0.05)


def silent(connection) -> None:
    time.sleep(60)


def test_a_hundred_megabytes_are_cut_off(serving, http):
    with pytest.raises(PeerAnswerError) as refusal:
        http.get(serving(endless).url, seconds=60)

    assert "answer_too_large" == refusal.value.code


@pytest.mark.parametrize("speak", [drip, drip_headers, silent])
def test_a_peer_that_takes_for_ever_is_left_in_time(serving, http, speak):
    begin = time.monotonic()

    with pytest.raises(PeerUnreachableError):
        http.get(serving(speak).url)

    assert time.monotonic() - begin < 20  # and would take a minute without an end to patience


def test_a_redirect_to_this_machine_is_not_followed(serving, http):
    inside = serving(lambda c: c.sendall(HEAD + b"content-length: 2\r\n\r\n{}"))
    target = inside.url.encode()
    outside = serving(
        lambda c: c.sendall(
            b"HTTP/1.1 307 Moved\r\nlocation: " + target + b"\r\ncontent-length: 0\r\n\r\n"
        )
    )

    answer = http.get(outside.url, seconds=30)

    assert 307 == answer.status
    assert 0 == inside.calls


def test_deep_nesting_is_refused(serving, http):
    body = b"[" * 100_000 + b"]" * 100_000
    server = serving(lambda c: c.sendall(HEAD + b"content-length: 200000\r\n\r\n" + body))

    with pytest.raises(PeerAnswerError) as refusal:
        http.get(server.url, seconds=30)

    assert "json_too_deep" == refusal.value.code


def test_a_peer_that_speaks_no_http_is_unreachable(serving, http):
    with pytest.raises(PeerUnreachableError):
        http.get(serving(lambda c: c.sendall(b"\x00\x01garbage\r\n\r\n")).url)


def drip_for_long(connection) -> None:
    connection.sendall(HEAD + b"content-length: 1000\r\n\r\n")
    for _ in range(100):
        connection.sendall(b" ")
        time.sleep(0.2)


def move_on(connection) -> None:
    place = b"http://127.0.0.1:1/.well-known/did.json"
    connection.sendall(b"HTTP/1.1 302 Found\r\nlocation: " + place)
    connection.sendall(b"\r\ncontent-length: 0\r\n\r\n")


def say_html(connection) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>")


@pytest.mark.parametrize(
    ("speak", "code"),
    [(endless, "did_unresolvable"), (drip_for_long, "did_unreachable"),
     (move_on, "did_unresolvable"), (say_html, "did_document_malformed")],
)  # fmt: skip
def test_no_host_of_a_did_gets_more_than_a_small_document_in_five_seconds(
    serving, http, speak, code
):
    server = serving(speak)
    did = f"did:web:127.0.0.1%3A{server.url.rstrip('/').rpartition(':')[2]}"
    resolver = DidResolver(http, ManualClock(), IdentitySettings())

    for _ in range(3):
        with pytest.raises((DidInvalidError, PeerUnreachableError)) as refusal:
            resolver.resolve(did)
        assert code == refusal.value.code

    assert 1 == server.calls


def test_outside_a_space_of_one_machine_a_did_leads_to_no_private_address(serving):
    server = serving(say_html)
    did = f"did:web:127.0.0.1%3A{server.url.rstrip('/').rpartition(':')[2]}"
    client = PeerHttp(HttpSettings())

    with pytest.raises(DidInvalidError) as refusal:
        DidResolver(client, SystemClock(), IdentitySettings()).resolve(did)

    assert ("did_unresolvable", 0) == (refusal.value.code, server.calls)
    client.close()


def test_outside_a_space_of_one_machine_loopback_is_never_connected_to(serving):
    server = serving(silent)
    port = server.url.rsplit(":", 1)[1]
    client = PeerHttp(HttpSettings(loopback=False))

    for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"):
        with pytest.raises((AddressRefusedError, PeerUnreachableError)):
            client.get(f"https://{host}:{port}")
    client.close()

    assert 0 == server.calls
