"""The guarded transport: resolves once, checks every address, connects to the checked one.

The name is resolved by us and the connection is made to the address that was checked, so a
name that changes its mind between check and use (DNS rebinding) gains nothing. Every read and
write also obeys the deadline of the whole call, so a slow stream cannot hold a thread.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any

import httpcore
import httpx

from tidegate.connector.errors import AddressRefusedError
from tidegate.connector.http.addresses import is_this_machine, may_call
from tidegate.connector.http.model import HttpSettings
from tidegate.connector.http.pool import Held, Shelf

Resolver = Callable[[str, int], tuple[str, ...]]

# Shorter than the five seconds after which common servers end an idle connection: a message sent
# into a connection that is just being closed is lost, and its retry costs seconds.
IDLE_SECONDS = 4.0
_LONGEST_LOOK_UP = 60.0


class Deadline(threading.local):
    """When the call that this thread is making must be over."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until = float("inf")

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Give what this thread does inside the block so many seconds, or what is left outside."""
        before = self._until
        self._until = min(before, self._monotonic() + seconds)
        try:
            yield
        finally:
            self._until = before

    def cut(self, seconds: float | None) -> float:
        """Shorten a time limit to what is left; raise ReadTimeout when nothing is."""
        left = self._until - self._monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time for the whole call is over")
        return left if seconds is None else min(seconds, left)


class _GuardedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.cut(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.cut(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        inner = self._stream.start_tls(ssl_context, server_hostname, self._deadline.cut(timeout))
        return _GuardedStream(inner, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def resolve(host: str, port: int) -> tuple[str, ...]:
    """Resolve a host name by the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _in_time(resolver: Resolver, host: str, port: int, seconds: float) -> tuple[str, ...]:
    """Resolve a name in a thread of its own: the system's resolver knows no time limit.

    Raises:
        httpcore.ConnectTimeout: the name servers did not answer in time.
    """
    found: list[tuple[str, ...] | Exception] = []

    def ask() -> None:
        try:
            found.append(resolver(host, port))
        except Exception as problem:  # noqa: BLE001 - raised again in the thread that waits
            found.append(problem)

    asking = threading.Thread(target=ask, name="resolve", daemon=True)
    asking.start()
    asking.join(min(seconds, _LONGEST_LOOK_UP))
    if not found:
        raise httpcore.ConnectTimeout("the name servers did not answer in time")
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]


class GuardedBackend(httpcore.NetworkBackend):
    """Opens connections only to addresses that the rule allows."""

    def __init__(
        self,
        *,
        loopback: bool,
        deadline: Deadline,
        resolver: Resolver = resolve,
        inner: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._loopback = loopback
        self._deadline = deadline
        self._resolver = resolver
        self._inner = inner or httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first allowed address of `host` that answers."""
        failure: Exception = httpcore.ConnectError("the name has no address")
        for address in self._allowed(host, port, self._deadline.cut(timeout)):
            try:
                stream = self._inner.connect_tcp(
                    address, port, self._deadline.cut(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as problem:
                failure = problem
            else:
                return _GuardedStream(stream, self._deadline)
        raise failure

    def _allowed(self, host: str, port: int, seconds: float) -> tuple[str, ...]:
        if is_this_machine(host) and not self._loopback:
            raise _inside()  # no name server is asked, and none is waited for
        try:
            addresses = _in_time(self._resolver, host, port, seconds)
        except (OSError, UnicodeError) as problem:
            raise httpcore.ConnectError("the name does not resolve") from problem
        allowed = tuple(each for each in addresses if may_call(each, loopback=self._loopback))
        if addresses and not allowed:
            raise _inside()
        return allowed


def _inside() -> AddressRefusedError:
    return AddressRefusedError(
        "The other node's name leads to an address inside this network; it is not "
        "called. Only a space of profile loopback may use private addresses.",
        code="address_refused",
    )


_FAILURES: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout),
    (httpcore.PoolTimeout, httpx.PoolTimeout),
    (httpcore.TimeoutException, httpx.ReadTimeout),
    (httpcore.ConnectError, httpx.ConnectError),
    (httpcore.NetworkError, httpx.NetworkError),
    (httpcore.ProtocolError, httpx.RemoteProtocolError),
    (httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol),
)


@contextlib.contextmanager
def _as_httpx() -> Iterator[None]:
    try:
        yield
    except tuple(each for each, _ in _FAILURES) as problem:
        for kind, target in _FAILURES:
            if isinstance(problem, kind):
                raise target(str(problem)) from problem
        raise  # pragma: no cover - every kind caught stands in the table


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response, done: Callable[[], None]) -> None:
        self._response = response
        self._done = done
        self._is_open = True

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._response.iter_stream()

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            try:
                self._response.close()
            finally:
                self._done()


class GuardedTransport(httpx.BaseTransport):
    """An httpx transport over kept connections, every one of which passes the guard."""

    def __init__(
        self, settings: HttpSettings, backend: httpcore.NetworkBackend, deadline: Deadline
    ) -> None:
        self._settings, self._backend, self._deadline = settings, backend, deadline
        self._shelf = Shelf(
            self._connection, most=settings.max_connections, idle_seconds=IDLE_SECONDS
        )

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        """The TLS side, read at the first call that needs it: authorities take 50 ms to read."""
        return ssl_context(self._settings)

    def _connection(self, origin: httpcore.Origin) -> httpcore.HTTPConnection:
        trust = None if origin.scheme == b"http" else self._trust
        return httpcore.HTTPConnection(origin, trust, IDLE_SECONDS, network_backend=self._backend)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the body of the answer is read by the caller.

        A question that may be asked twice (a GET that proves nobody) is asked again over a new
        connection when a kept one turns out to be dead (RFC 9112 §9.3.1). Nothing else is: its
        token is good for one call.
        """
        url = request.url
        asked = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        may_repeat = request.method == "GET" and "authorization" not in request.headers
        with _as_httpx():
            held = self._shelf.take(asked.url.origin, self._deadline.cut(None))
            try:
                response = self._send(held, asked)
            except (httpcore.NetworkError, httpcore.RemoteProtocolError):
                if not (may_repeat and held.is_used):
                    raise
                left = self._deadline.cut(None)
                held = self._shelf.take(asked.url.origin, left, fresh=True)
                response = self._send(held, asked)
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response, lambda: self._shelf.give_back(held)),
            extensions=response.extensions,
        )

    def _send(self, held: Held, asked: httpcore.Request) -> httpcore.Response:
        try:
            return held.connection.handle_request(asked)
        except BaseException:
            self._shelf.give_back(held)
            raise

    def close(self) -> None:
        """Close every idle connection."""
        self._shelf.close()


def ssl_context(settings: HttpSettings) -> ssl.SSLContext:
    """Build the TLS side of the client from files: trust, and our own certificate if any."""
    context = ssl.create_default_context(
        cafile=str(settings.ca_file) if settings.ca_file is not None else None
    )
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.certificate_file is not None:
        context.load_cert_chain(settings.certificate_file, settings.key_file)
    return context
