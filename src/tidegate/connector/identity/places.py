"""How many callers may make this node wait for others: a few per host, more in all.

Looking up who calls means calling back. A host that lets those calls hang would otherwise hold
every hand of this node, and with them everybody else's calls.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from tidegate.connector.errors import PeerUnreachableError

_LOOPBACK = frozenset({"localhost", "127.0.0.1"})


def host_of(did: str) -> str:
    """Return whose machine a did:web is on: its host, whatever the port, case or last dot.

    Source: did:web method, §3.2 (a port is written as %3A). On the machine itself, where every
    node of a loopback space is, it is the port that tells one from another.
    """
    authority = unquote(did.removeprefix("did:web:").partition(":")[0]).lower()
    name, colon, port = authority.rpartition(":")
    host = (name if colon and port.isdecimal() else authority).rstrip(".")
    return authority if host in _LOOPBACK else host


class Turns:
    """One at a time for each name; a name nobody waits for is forgotten."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def taken(self, name: str) -> Iterator[None]:
        """Wait for this name's turn, and hold it."""
        with self._guard:
            lock, users = self._held.get(name, (threading.Lock(), 0))
            self._held[name] = lock, users + 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                _, users = self._held[name]
                if users == 1:
                    del self._held[name]
                else:
                    self._held[name] = lock, users - 1

    def __len__(self) -> int:
        """Return how many names are held or waited for."""
        with self._guard:
            return len(self._held)


class Places:
    """Places that are taken at once or not at all; nobody queues for one."""

    def __init__(self, *, most: int, per_host: int) -> None:
        self._most = most
        self._per_host = per_host
        self._taken: Counter[str] = Counter()
        self._guard = threading.Lock()

    @contextmanager
    def taken(self, did: str) -> Iterator[None]:
        """Hold a place for the host of a did:web.

        Raises:
            PeerUnreachableError: none is free; the caller is asked to come again in a moment.
        """
        host = host_of(did)
        with self._guard:
            if self._taken.total() >= self._most or self._taken[host] >= self._per_host:
                raise PeerUnreachableError(
                    "Too many callers of this kind are being looked up; try again in a moment.",
                    code="resolver_busy",
                )
            self._taken[host] += 1
        try:
            yield
        finally:
            with self._guard:
                self._taken[host] -= 1
                if not self._taken[host]:
                    del self._taken[host]
