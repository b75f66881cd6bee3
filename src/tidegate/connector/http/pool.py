"""Connections kept open between calls, each in the hands of one call at a time.

`httpcore.ConnectionPool` decides over connections that another thread was just given: it may close
one as expired between the moment a call received it and the moment the call uses it. That call
then waits on a closed socket until its time is over. Here a connection leaves the shelf before
anybody looks at it, so nobody can close it under a call.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

import httpcore

from tidegate.kernel.values import dataclass

_LONGEST_WAIT = 3600.0
_Key = tuple[bytes, bytes, int]


@dataclass(frozen=True, slots=True)
class Held:
    """A connection in the hands of one call; `is_used` tells whether it served one before."""

    connection: httpcore.HTTPConnection
    origin: httpcore.Origin
    is_used: bool


class Shelf:
    """Idle connections by origin: the one used last is taken first, the old ones are closed."""

    def __init__(
        self,
        make: Callable[[httpcore.Origin], httpcore.HTTPConnection],
        *,
        most: int,
        idle_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._most = most
        self._idle_seconds = idle_seconds
        self._monotonic = monotonic
        self._places = threading.BoundedSemaphore(most)
        self._guard = threading.Lock()
        self._idle: dict[_Key, deque[tuple[httpcore.HTTPConnection, float]]] = {}

    def take(self, origin: httpcore.Origin, seconds: float, *, fresh: bool = False) -> Held:
        """Return a connection to `origin`, a new one where none is idle or `fresh` asks for it.

        Raises:
            httpcore.PoolTimeout: so many calls are under way that none could begin in time.
        """
        if not self._places.acquire(timeout=min(seconds, _LONGEST_WAIT)):
            raise httpcore.PoolTimeout("too many calls are under way")
        try:
            found = None if fresh else self._find(origin)
            return Held(found or self._make(origin), origin, found is not None)
        except BaseException:
            self._places.release()
            raise

    def give_back(self, held: Held) -> None:
        """Keep the connection for the next call if it is whole; close it otherwise."""
        keep = False
        try:
            with self._guard:
                if held.connection.is_available() and self._count() < self._most:
                    line = self._idle.setdefault(_key(held.origin), deque())
                    line.append((held.connection, self._monotonic()))
                    keep = True
            if not keep:
                held.connection.close()
        finally:
            self._places.release()

    def close(self) -> None:
        """Close every idle connection."""
        with self._guard:
            idle = [one for line in self._idle.values() for one, _ in line]
            self._idle.clear()
        for one in idle:
            one.close()

    def _find(self, origin: httpcore.Origin) -> httpcore.HTTPConnection | None:
        """Take the newest idle connection that is whole off the shelf; close those too old."""
        with self._guard:
            gone = self._take_expired()
            line = self._idle.get(_key(origin), deque())
            found = None
            while line and found is None:
                one, _ = line.pop()
                if one.is_available() and not one.has_expired():
                    found = one
                else:
                    gone.append(one)
        for one in gone:
            one.close()
        return found

    def _take_expired(self) -> list[httpcore.HTTPConnection]:
        limit, gone = self._monotonic() - self._idle_seconds, []
        for key, line in list(self._idle.items()):
            while line and line[0][1] <= limit:
                gone.append(line.popleft()[0])
            if not line:
                del self._idle[key]
        return gone

    def _count(self) -> int:
        return sum(len(line) for line in self._idle.values())


def _key(origin: httpcore.Origin) -> _Key:
    return origin.scheme, origin.host, origin.port
