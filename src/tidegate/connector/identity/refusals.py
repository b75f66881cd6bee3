"""Why peers were refused: evidence of it, and words for the operator."""

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from tidegate.audit.journal import Journal, Tx
from tidegate.connector.identity import store
from tidegate.connector.identity.model import PeerRefusal
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.errors import TidegateError

_EVERY = timedelta(seconds=60)
_EVERY_UNPROVEN = timedelta(hours=1)
_MOST_STRANGERS = 10  # noted in a minute, of all who are no members
_KEPT = timedelta(days=30)


class Refusals:
    """Records a refusal at most once a minute for one peer and reason; keeps it for a month.

    Evidence is kept for ever, so nobody outside may write much of it: what a caller only claims to
    be is noted once an hour, and of strangers, who have as many names as they like, a few a minute.
    """

    def __init__(self, journal: Journal, clock: Clock, is_known: Callable[[str], bool]) -> None:
        self._journal = journal
        self._clock = clock
        self._is_known = is_known
        self._noted: dict[tuple[str, str], datetime] = {}
        self._strangers: deque[datetime] = deque(maxlen=_MOST_STRANGERS)
        self._guard = threading.Lock()

    def note(self, did: str, problem: TidegateError, *, is_proven: bool = True) -> None:
        """Record that a peer was refused; the evidence holds the code, the operator the words."""
        code, is_known = problem.code, self._is_known(did)
        if not (is_known or is_proven):
            return
        with self._guard:
            if not self._is_due(did, code, is_known=is_known, is_proven=is_proven):
                return
        self._journal.note(
            by=f"node:{did}", did="peer.refused", to=f"node:{did}", why={"reason": code}
        )
        with self._journal.upkeep() as tx:
            store.keep_refusal(tx.connection, PeerRefusal(did, code, problem.message, tx.at))

    def _is_due(self, did: str, code: str, *, is_known: bool, is_proven: bool) -> bool:
        now = self._clock.now()
        last = self._noted.get((did, code))
        pause = _EVERY if is_proven else _EVERY_UNPROVEN
        if last is not None and now - last < pause:
            return False
        if not is_known:
            if len(self._strangers) == _MOST_STRANGERS and now - self._strangers[0] < _EVERY:
                return False
            self._strangers.append(now)
        fresh = {key: at for key, at in self._noted.items() if now - at < _EVERY_UNPROVEN}
        self._noted = fresh | {(did, code): now}
        return True

    def list_all(self, did: str = "") -> tuple[PeerRefusal, ...]:
        """Return why peers were refused lately, the newest first; of one peer where named."""
        return self._journal.read(store.list_refusals, did)

    def purge(self, tx: Tx) -> None:
        """Forget what is older than a month."""
        store.purge_refusals(tx.connection, iso(self._clock.now() - _KEPT))
