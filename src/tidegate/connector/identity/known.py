"""Peers that proved themselves a moment ago: known for a while, unless they are to be forgotten."""

import threading
from datetime import datetime

from tidegate.connector.model import Peer
from tidegate.kernel.clock import Clock
from tidegate.kernel.values import dataclass


@dataclass(frozen=True, slots=True)
class _Known:
    peer: Peer
    until: datetime


class KnownPeers:
    """A memory of peers by scope.

    Whoever proves something takes the `turn` first: what was on its way when a peer was forgotten
    rests on what counted before, and is not kept.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[tuple[str, tuple[str, ...]], _Known] = {}
        self._turn = 0
        self._guard = threading.Lock()

    @property
    def turn(self) -> int:
        """The number of times that anything was forgotten."""
        with self._guard:
            return self._turn

    def find(self, did: str, scope: tuple[str, ...]) -> Peer | None:
        """Return a peer that is known still, or None."""
        with self._guard:
            known = self._known.get((did, scope))
        return known.peer if known is not None and self._clock.now() < known.until else None

    def keep(self, peer: Peer, scope: tuple[str, ...], until: datetime, *, turn: int) -> bool:
        """Keep what was begun in a turn, and tell whether that turn lasts still."""
        with self._guard:
            if turn == self._turn:
                self._known[peer.did, scope] = _Known(peer, until)
            return turn == self._turn

    def forget(self, did: str = "") -> None:
        """Forget one peer, or all."""
        with self._guard:
            self._turn += 1
            for known in [key for key in self._known if did in {"", key[0]}]:
                del self._known[known]
