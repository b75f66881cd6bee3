"""The outgoing HTTP client for every call from node to node."""

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from tidegate.connector.errors import (
    AddressRefusedError,
    MessageInvalidError,
    PeerAnswerError,
    PeerUnreachableError,
)
from tidegate.connector.http.addresses import check_url
from tidegate.connector.http.body import read_json
from tidegate.connector.http.model import Answer, HttpSettings
from tidegate.kernel.text import whole_number
from tidegate.kernel.values import dataclass

if TYPE_CHECKING:
    import httpx

    from tidegate.connector.http.transport import Deadline, Resolver


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer whose body is read piece by piece."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


class PeerHttp:
    """A thread-safe pool of connections to other nodes.

    Addresses are checked, redirects are not followed, bodies and times are limited, and only
    JSON (or compact tokens) is read. What cannot be reached raises PeerUnreachableError.
    """

    def __init__(
        self,
        settings: HttpSettings,
        *,
        transport: "httpx.BaseTransport | None" = None,
        resolver: "Resolver | None" = None,
        deadline: "Deadline | None" = None,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._resolver = resolver
        self._deadline = deadline
        self._opening = threading.Lock()
        self._opened: tuple[httpx.Client, Deadline] | None = None

    def _line(self) -> "tuple[httpx.Client, Deadline]":
        """Return the client, made at the first call: a start does not wait for it."""
        with self._opening:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def _open(self) -> "tuple[httpx.Client, Deadline]":
        from http.cookiejar import DefaultCookiePolicy  # noqa: PLC0415 - as the next

        import httpx  # noqa: PLC0415 - with trust and pool a tenth of a second, none of it at a start

        from tidegate.connector.http import transport  # noqa: PLC0415 - stands on httpx

        settings, deadline = self._settings, self._deadline or transport.Deadline()
        backend = transport.GuardedBackend(
            loopback=settings.loopback,
            deadline=deadline,
            resolver=self._resolver or transport.resolve,
        )
        client = httpx.Client(
            transport=self._transport or transport.GuardedTransport(settings, backend, deadline),
            timeout=httpx.Timeout(settings.total_seconds, connect=settings.connect_seconds),
            follow_redirects=False,
            trust_env=False,
            headers={"user-agent": "tidegate", "accept-encoding": "identity"},
        )
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
        return client, deadline

    @property
    def is_loopback(self) -> bool:
        """Whether plain http and private addresses are open."""
        return self._settings.loopback

    def check_url(self, url: str) -> None:
        """Raise AddressRefusedError unless this node may call the URL at all."""
        check_url(url, loopback=self._settings.loopback)

    def get(self, url: str, *, authorization: str = "", seconds: float | None = None) -> Answer:
        """Ask for a document; any status comes back as an answer."""
        return self.call("GET", url, authorization=authorization, seconds=seconds)

    def post(
        self, url: str, body: object, *, authorization: str = "", seconds: float | None = None
    ) -> Answer:
        """Send a JSON document; any status comes back as an answer."""
        return self.call("POST", url, body, authorization=authorization, seconds=seconds)

    def call(
        self,
        method: str,
        url: str,
        body: object = None,
        *,
        authorization: str = "",
        seconds: float | None = None,
    ) -> Answer:
        """Call another node once, without retries."""
        headers = {"accept": "application/json, application/vc+jwt, text/plain;q=0.5"}
        content = None
        if body is not None:
            headers["content-type"] = "application/json"
            content = msgspec.json.encode(body)
        with self.stream(
            method,
            url,
            authorization=authorization,
            headers=headers,
            content=content,
            seconds=seconds,
        ) as stream:
            return self._read(stream)

    @contextlib.contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        authorization: str = "",
        headers: Mapping[str, str] | None = None,
        content: bytes | Iterable[bytes] | None = None,
        seconds: float | None = None,
    ) -> Iterator[Stream]:
        """Call another node and read its answer in pieces, inside the block.

        `seconds` bounds the whole block; the caller bounds the bytes it is willing to read.
        """
        check_url(url, loopback=self._settings.loopback)
        sent = dict(headers or {})
        if authorization:
            sent["authorization"] = authorization
        limit = seconds or self._settings.total_seconds
        client, deadline = self._line()
        with (
            deadline.within(limit),
            _in_words(),
            client.stream(method, url, headers=sent, content=content) as response,
        ):
            found = {name.lower(): value for name, value in response.headers.items()}
            yield Stream(response.status_code, found, response.iter_raw())

    def _read(self, stream: Stream) -> Answer:
        most = self._settings.max_answer_bytes
        announced = whole_number(stream.headers.get("content-length", "0"))
        if announced is not None and announced > most:
            raise PeerAnswerError("The other node's answer is too large.", code="answer_too_large")
        raw = bytearray()
        for chunk in stream.chunks:
            raw += chunk
            if len(raw) > most:
                raise PeerAnswerError(
                    "The other node's answer is too large.", code="answer_too_large"
                )
        return _answer(stream, bytes(raw))

    def close(self) -> None:
        """Close the connections."""
        with self._opening:
            if self._opened is not None:
                self._opened[0].close()


def _answer(stream: Stream, raw: bytes) -> Answer:
    media_type = stream.headers.get("content-type", "").partition(";")[0].strip().lower()
    looks_json = media_type.endswith(("/json", "+json")) or (
        not media_type and raw[:1] in {b"{", b"["}
    )
    if not looks_json or not raw:
        text = raw.decode("ascii", errors="replace")
        return Answer(stream.status, stream.headers, None, text)
    try:
        return Answer(stream.status, stream.headers, read_json(raw))
    except MessageInvalidError as problem:
        if stream.status >= 400:
            return Answer(stream.status, stream.headers)
        raise PeerAnswerError(
            f"The other node's answer cannot be read: {problem.message}", code=problem.code
        ) from None


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    import httpx  # noqa: PLC0415 - the client has loaded it

    try:
        yield
    except httpx.TimeoutException:
        raise PeerUnreachableError(
            "The other node did not answer in time.", code="peer_timeout"
        ) from None
    except httpx.UnsupportedProtocol:
        raise AddressRefusedError(
            "The address cannot be called by http.", code="url_refused"
        ) from None
    except httpx.TransportError:
        raise PeerUnreachableError(
            "The other node cannot be reached now.", code="peer_unreachable"
        ) from None
    except httpx.InvalidURL:  # pragma: no cover - check_url refuses these before
        raise AddressRefusedError("The address is malformed.", code="url_refused") from None
