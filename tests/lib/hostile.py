"""Peers that misbehave on a raw socket, each in its own way."""

import contextlib
import socket
import threading
import time

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
SLOW = 30.0  # longer than any test waits


def _hang(connection, server) -> None:
    server.ended.wait(SLOW)


def _drip_headers(connection, server) -> None:
    for letter in HEAD * 100:
        connection.sendall(bytes([letter]))
        server.ended.wait(0.05)


def _drip_body(connection, server) -> None:
    connection.sendall(HEAD + b"content-length: 100000\r\n\r\n")
    for _ in range(100_000):
        connection.sendall(b" ")
        server.ended.wait(0.05)


def _stream_forever(connection, server) -> None:
    connection.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
    while not server.ended.is_set():
        connection.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")


def _hundred_megabytes(connection, server) -> None:
    connection.sendall(HEAD + b"content-length: 104857602\r\n\r\n[")
    for _ in range(100):
        connection.sendall(b" " * 1048576)
    connection.sendall(b"]")


def _answer(body: bytes, kind: bytes = b"application/json", status: bytes = b"201 Created"):
    def speak(connection, server) -> None:
        connection.sendall(
            b"HTTP/1.1 " + status + b"\r\ncontent-type: " + kind
            + b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        )  # fmt: skip

    return speak


def _redirect_inside(connection, server) -> None:
    connection.sendall(
        b"HTTP/1.1 307 Temporary Redirect\r\nlocation: " + server.inside.encode()
        + b"\r\ncontent-length: 0\r\n\r\n"
    )  # fmt: skip


def _raw(text: bytes):
    return lambda connection, server: connection.sendall(text)


HABITS = {
    "hangs": _hang,
    "drips its headers": _drip_headers,
    "drips its body": _drip_body,
    "streams for ever": _stream_forever,
    "sends a hundred megabytes": _hundred_megabytes,
    "nests deep": _answer(b"[" * 100_000 + b"]" * 100_000),
    "answers a page": _answer(b"<html>Welcome</html>", b"text/html"),
    "answers no JSON": _answer(b"{'a': 1}"),
    "answers another message": _answer(b'{"@type": "CatalogError"}'),
    "answers nothing": _answer(b""),
    "redirects inside": _redirect_inside,
    "speaks no HTTP": _raw(b"\x16\x03\x01\x02\x00\x01\x00"),
    "sends headers without end": _raw(b"HTTP/1.1 200 OK\r\nx: " + b"a" * 3_000_000),
    "closes at once": _raw(b""),
}


class Hostile:
    """One misbehaving peer; `inside` is where its redirects lead, `calls` how often it was met."""

    def __init__(self, habit: str, inside: str = "") -> None:
        self.habit, self.inside, self.calls = habit, inside, 0
        self.ended = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.did = f"did:web:127.0.0.1%3A{self.port}"
        self.base = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._loop, daemon=True).start()

    def _loop(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.calls += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            HABITS[self.habit](connection, self)
            time.sleep(0.05)

    def close(self) -> None:
        self.ended.set()
        self.socket.close()
