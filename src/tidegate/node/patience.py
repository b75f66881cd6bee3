"""How long a caller may take: a connection that only drips is ended, whoever else is served.

The server waits without end for what a caller has begun to say, and for a caller to take what it
asked for; a few hundred callers that say one byte now and then would use up its connections. Here
every connection is looked at now and then, and ended: with 408 (RFC 9110 §15.5.9) where its head is
late or its body brings less than a few kilobytes in a whole span of patience, with 431 (RFC 6585
§5) where its head has no end, or what stands around its body: trailers and chunk extensions (RFC
9112 §7.1), which say nothing here and are dropped. Time in which this node itself does not read is
not the caller's.
Idle connections between two requests are the server's own business (`timeout_keep_alive`).

No more connections are open than the process has file handles for, with some to spare: without any
the node could neither read its database nor refuse in peace. A new caller then takes the place of
the one that has waited longest without a request of its own under way.
"""

import asyncio
import resource
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

ENOUGH = 16 * 1024  # bytes of a body that must come in each span of patience
LOOKS = 4  # looks in a span: what is late is ended at most a quarter late
ANSWER_SPANS = 4  # spans in which nothing of an answer is taken: people pause downloads
LARGEST_HEAD = 64 * 1024  # bytes; also those in a row that bring nothing of a body


BACKLOG = 128  # callers taken at once, before any of them can be looked at
SPARE_HANDLES = 512  # for these, the database, the vault, and calls to other nodes
FEWEST = 64


def _refusal(status: bytes, code: bytes, words: bytes) -> bytes:
    body = (
        b'{"error":"invalid","code":"' + code + b'","message":"' + words + b'",'
        b'"details":{},"withheld":false}'
    )
    return (
        b"HTTP/1.1 " + status + b"\r\ncontent-type: application/json\r\nconnection: close\r\n"
        b"cache-control: no-store\r\ncontent-length: %d\r\n\r\n" % len(body)
    ) + body


TOO_SLOW = _refusal(
    b"408 Request Timeout",
    b"too_slow",
    b"The request did not come in time; send it again, faster.",
)
HEAD_TOO_LARGE = _refusal(
    b"431 Request Header Fields Too Large",
    b"head_too_large",
    b"The address and headers of the request are larger than 64 KiB; send less.",
)


class PatientProtocol(HttpToolsProtocol):
    """The server's protocol, with an end to its patience.

    `seconds` is one span; `most` connections are open at once, the oldest first in `callers`.
    """

    seconds: ClassVar[float] = 30.0
    most: ClassVar[int] = FEWEST
    callers: ClassVar[dict["PatientProtocol", None]] = {}

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._look: asyncio.TimerHandle | None = None
        self._heard = 0  # bytes of this connection
        self._is_saying = True  # a caller connects to say something
        self._is_in_head = True
        self._since = 0.0  # when this span began
        self._mark = 0  # bytes heard before this span
        self._idle = 0  # bytes in a row behind the head that brought nothing of the body
        self._has_body = False  # whether the last bytes did
        self._stuck_since = 0.0  # when the caller stopped taking its answer; 0 while it takes

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look; make room where there is none."""
        super().connection_made(transport)
        self.callers[self] = None
        if len(self.callers) > self.most:
            self._make_room()
        self._begin()
        self._look = self.loop.call_later(self.seconds / LOOKS, self._look_now)

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        self.callers.pop(self, None)
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what is heard; what comes on an idle connection begins a request."""
        if not self._is_saying:
            self._is_saying = self._is_in_head = True
            self._begin()
        self._heard += len(data)
        self._has_body = False
        super().data_received(data)
        is_behind_head = self._is_saying and not self._is_in_head
        self._idle = self._idle + len(data) if is_behind_head and not self._has_body else 0
        in_head = self._heard - self._mark if self._is_in_head else 0
        if max(in_head, self._idle) > LARGEST_HEAD:
            self._end(HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Wait for the head of a request."""
        if not self._is_in_head:  # right behind another one
            self._begin()
        self._is_saying = self._is_in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; drop what stands behind the body, which the server would keep as well."""
        if self._is_in_head:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Note that something of the body came."""
        self._has_body = True
        super().on_body(body)

    def on_headers_complete(self) -> None:
        """Wait for the body, if there is one."""
        self._is_in_head = False
        self._begin()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait for nothing: it is this node's turn."""
        self._is_saying = self._is_in_head = False
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Note since when the caller takes nothing of its answer."""
        self._stuck_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Forget that: it takes its answer."""
        self._stuck_since = 0.0
        super().resume_writing()

    def _make_room(self) -> None:
        """End the connection that has been open longest with nothing of ours under way on it."""
        waiting = (one for one in self.callers if one.is_waiting())
        self.callers.pop(last := next(waiting, self))
        last.transport.abort()

    def is_waiting(self) -> bool:
        """Tell whether no whole head of a request has come that is not answered yet."""
        return (self._is_in_head or not self._is_saying) and self._running() is None

    def _begin(self) -> None:
        self._since, self._mark = self.loop.time(), self._heard

    def _look_now(self) -> None:
        self._look = self.loop.call_later(self.seconds / LOOKS, self._look_now)
        now = self.loop.time()
        if self._stuck_since and now - self._stuck_since >= ANSWER_SPANS * self.seconds:
            self.transport.abort()
        elif self._is_our_turn():
            self._begin()
        elif now - self._since >= self.seconds:
            self._judge()

    def _is_our_turn(self) -> bool:
        """Tell whether the caller waits for this node: nothing is said, or nothing is read."""
        is_answering = self._running() is not None
        return not self._is_saying or self.flow.read_paused or (self._is_in_head and is_answering)

    def _running(self) -> RequestResponseCycle | None:
        """Return the call that is not answered to its end yet, if there is one."""
        cycle: Any = self.cycle  # none before the first call
        return None if cycle is None or cycle.response_complete else cycle

    def _judge(self) -> None:
        """End what was too slow in the span that is over; begin another for what was not."""
        if self._is_in_head:
            self._end(TOO_SLOW if self._heard > self._mark else b"")
        elif self.cycle.response_complete:  # the rest of a request that is refused already
            self._end(b"")
        elif self._heard - self._mark < ENOUGH:
            self._end(b"" if self.cycle.response_started else TOO_SLOW)
        else:
            self._begin()

    def _end(self, words: bytes) -> None:
        """Hang up, with these words; the door finds its caller gone."""
        self.transport.write(words)
        running = self._running()
        if running is not None:
            running.disconnected = True
            running.message_event.set()
        self.transport.close()


def patient(seconds: float, *, most: int = 0) -> type[PatientProtocol]:
    """Return the protocol with that much patience, for so many connections at once.

    Without a number they are as many as this process may open files, but for some to spare.
    """
    handles = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    held = {"seconds": seconds, "most": most or max(FEWEST, handles - SPARE_HANDLES)}
    return type("PatientProtocol", (PatientProtocol,), {**held, "callers": {}})
