"""Why peers were refused: evidence of it, and words for the operator."""

import threading
from datetime import datetime, timedelta

from tidegate.audit.journal import Journal, Tx
from tidegate.connector.identity import store
from tidegate.connector.identity.model import PeerRefusal
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.errors import TidegateError

_EVERY = timedelta(seconds=60)
_MOST = 1000
_KEPT = timedelta(days=30)


class Refusals:
    """Records a refusal at most once a minute for one peer and reason; keeps it for a month."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._noted: dict[tuple[str, str], datetime] = {}
        self._guard = threading.Lock()

    def note(self, did: str, problem: TidegateError) -> None:
        """Record that a peer was refused; the evidence holds the code, the operator the words."""
        now, code = self._clock.now(), problem.code
        with self._guard:
            last = self._noted.get((did, code))
            if last is not None and now - last < _EVERY:
                return
            if len(self._noted) >= _MOST:
                self._noted.clear()
            self._noted[did, code] = now
        self._journal.note(
            by=f"node:{did}", did="peer.refused", to=f"node:{did}", why={"reason": code}
        )
        with self._journal.upkeep() as tx:
            store.keep_refusal(tx.connection, PeerRefusal(did, code, problem.message, tx.at))

    def list_all(self, did: str = "") -> tuple[PeerRefusal, ...]:
        """Return why peers were refused lately, the newest first; of one peer where named."""
        return self._journal.read(store.list_refusals, did)

    def purge(self, tx: Tx) -> None:
        """Forget what is older than a month."""
        store.purge_refusals(tx.connection, iso(self._clock.now() - _KEPT))
