"""Open versions with what was released on them: everything a query needs beside the data."""

import threading
from typing import TYPE_CHECKING

from tidegate.access.model import system_actor
from tidegate.audit.journal import Journal, Tx
from tidegate.catalogue.model import VersionRecord
from tidegate.kernel.errors import ConflictError
from tidegate.kernel.values import dataclass
from tidegate.keys.service import KeyRing
from tidegate.lab.sealing import KeyShelf, Seal, key_name, open_or_create
from tidegate.lab.visits import store
from tidegate.lab.visits.engine import Engine
from tidegate.lab.visits.ports import Holdings, Versions

if TYPE_CHECKING:
    from tidegate.lab.visits.ledger import DatasetLedger
    from tidegate.lab.visits.session import Session

_STORED = "stored"


class VersionNotOpenError(ConflictError):
    """The version is not in a state that visitors may compute on."""


def _stored(record: VersionRecord) -> VersionRecord:
    if record.stage != _STORED:
        raise VersionNotOpenError(
            f"The version is {record.stage}; only stored data can be visited.",
            code="version_not_stored",
        )
    return record


@dataclass(frozen=True, slots=True)
class Opened:
    """A version in the engine, the seal of its releases, and the ledger of its dataset."""

    record: VersionRecord
    session: "Session"
    seal: Seal
    ledger: "DatasetLedger"
    lock: threading.Lock


class OpenVersions:
    """Opens versions for visitors and forgets them when told."""

    def __init__(
        self,
        journal: Journal,
        keys: KeyRing,
        shelf: KeyShelf,
        versions: Versions,
        holdings: Holdings,
        engine: Engine,
    ) -> None:
        self._journal = journal
        self._keys = keys
        self._shelf = shelf
        self._versions = versions
        self._holdings = holdings
        self.engine = engine
        self._guard = threading.Lock()
        self._open: dict[str, tuple[Session, Seal, DatasetLedger]] = {}
        self._locks: dict[str, threading.Lock] = {}

    def record(self, version_id: str) -> VersionRecord:
        """Return a version that visitors may compute on."""
        return _stored(self._versions.get_version(version_id))

    def check_still_open(self, tx: Tx, version_id: str) -> None:
        """Raise, inside the write that lets a result leave, where its version has closed."""
        _stored(self._versions.get_version_within(tx, version_id))

    def open(self, version_id: str) -> Opened:
        """Return a version ready to be asked, decrypting it at the first use."""
        from tidegate.lab.visits.ledger import DatasetLedger  # noqa: PLC0415 - numpy: with a query

        record = self.record(version_id)
        session = self.engine.session(version_id, lambda: self._load(record))
        with self._guard:
            lock = self._locks.setdefault(record.dataset_id, threading.Lock())
            known = self._open.get(version_id)
            if known is None or known[0] is not session:
                ledger = DatasetLedger(record.dataset_id, version_id, session.roster, self.seal_of)
                known = (session, self.seal_of(version_id), ledger)
                self._open[version_id] = known
        return Opened(record, *known, lock)

    def seal_of(self, version_id: str) -> Seal:
        """Return the seal of a version's releases; its key dies with the version."""
        return open_or_create(self._shelf, key_name("version", version_id))

    def forget(self, version_id: str, reason: str) -> int:
        """Stop a version's queries and forget its tables and sets."""
        with self._guard:
            self._open.pop(version_id, None)
        return self.engine.drop(version_id, reason)

    def forget_unless_used(self, version_id: str, agreement_id: str) -> None:
        """Forget a version's tables and sets unless queries of other agreements run on them."""
        if self.engine.drop_unless_used(version_id, agreement_id):
            with self._guard:
                self._open.pop(version_id, None)

    def destroy(self, version_id: str) -> None:
        """Forget a version for good: with its key go its results and sets of people."""
        self.forget(version_id, "the version was destroyed")
        self._shelf.destroy(key_name("version", version_id))

    def _load(self, record: VersionRecord) -> "Session":
        from tidegate.lab.visits.ledger import (  # noqa: PLC0415 - numpy comes with a query
            check_roster,
            close_roster,
        )
        from tidegate.lab.visits.session import Session  # noqa: PLC0415 - the same

        tables = self._holdings.open_tables(
            record.id, by=system_actor("lab"), why={"for": "visiting queries"}
        )
        session = Session(
            tables,
            record.codebook,
            roster_key=self._keys.derive(f"lab/roster/{record.dataset_id}"),
        )
        seal = self.seal_of(record.id)
        sealed = self._journal.read(store.find_roster, record.id)
        if sealed is None:
            self._keep_roster(record, close_roster(seal, record.id, session.roster))
        else:
            check_roster(seal, record.id, sealed, session.roster)
        return session

    def _keep_roster(self, record: VersionRecord, sealed: str) -> None:
        to = f"version:{record.id}"
        with self._journal.write(by="system:lab", did="version.opened_to_visits", to=to) as tx:
            store.put_roster(tx.connection, record.id, record.dataset_id, sealed)
