"""How many callers may make this node wait for others: a few per host, more in all.

Looking up who calls means calling back. A host that lets those calls hang would otherwise hold
every hand of this node, and with them everybody else's calls.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tidegate.connector.errors import PeerUnreachableError


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
        host = did.removeprefix("did:web:").partition(":")[0].lower()
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
