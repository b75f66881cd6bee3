"""What the parts of the plane inside this node share: the ground, the way out, the rows."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import field, replace
from datetime import timedelta
from typing import Any, Protocol

import msgspec

from tidegate.audit.journal import Journal, Tx
from tidegate.commons.model import Derived, Parcel
from tidegate.commons.rows.service import Readable
from tidegate.commons.vault.service import Draft
from tidegate.connector.dataplane import store
from tidegate.connector.dataplane.errors import FlowUnknownError
from tidegate.connector.dataplane.model import (
    HTTP_TYPE,
    ControlPlane,
    DataFlowState,
    Flow,
    FlowRecord,
    PlaneAddress,
    PlaneSettings,
)
from tidegate.connector.dataplane.tokens import open_token, seal_token, token_digest
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.ids import Ids
from tidegate.kernel.values import dataclass

PURPOSE = "connector.data-address"
EXPIRES = "https://w3id.org/tidegate/expires"


class Answered(Protocol):
    """An answer whose body is read piece by piece."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, in lower case."""
        ...

    @property
    def chunks(self) -> Iterator[bytes]:
        """The body."""
        ...


class Way(Protocol):
    """The way out: the guarded HTTP client of the node."""

    def post(self, url: str, body: object, *, authorization: str = "") -> Any:
        """Send a JSON document; any status comes back as an answer."""
        ...

    def stream(
        self,
        method: str,
        url: str,
        *,
        authorization: str = "",
        headers: Mapping[str, str] | None = None,
        content: bytes | Iterable[bytes] | None = None,
        seconds: float | None = None,
    ) -> AbstractContextManager[Answered]:
        """Call another node and read its answer in pieces, inside the block."""
        ...

    def check_url(self, url: str) -> None:
        """Raise AddressRefusedError unless this node may call the URL at all."""
        ...


class Courier(Protocol):
    """Who proves this node to a peer."""

    def token_for(self, did: str) -> str:
        """Return a fresh Authorization header for a peer."""
        ...

    def token_with(self, did: str, access_token: str) -> str:
        """Return an Authorization header that proves whom an access token was given to."""
        ...


class Rows(Protocol):
    """Where rows lie: parcels that leave, copies that arrive."""

    def parcel_for(self, version_id: str, agreement_id: str) -> Parcel:
        """Return the parcel of a version for an agreement, making it where there is none."""
        ...

    def open_parcel(self, parcel: Parcel) -> Readable:
        """Open a parcel to be read from any place."""
        ...

    def new_arrival(self) -> str:
        """Return the id of a copy that is about to arrive."""
        ...

    def open_arrival(self, arrival_id: str) -> Draft:
        """Begin, or go on, to take in a copy."""
        ...

    def keep_arrival(
        self,
        arrival_id: str,
        draft: Draft,
        *,
        source: str,
        agreement_id: str,
        provider: str,
        name: str,
        tell: bool,
    ) -> Derived:
        """Publish a copy that is whole and was checked."""
        ...

    def find_arrival(self, arrival_id: str) -> Derived | None:
        """Return a copy that arrived whole, or None."""
        ...

    def drop_arrival(self, arrival_id: str) -> None:
        """Destroy what has arrived of a copy that will never be whole."""
        ...

    def free_bytes(self) -> int:
        """Return how many bytes are free where copies arrive."""
        ...


class Control(ControlPlane, Protocol):
    """The transfer room, as the plane inside this node asks and tells it."""

    def check_read(self, pid: str) -> object:
        """Decide whether rows of a transfer may leave now; raise why not."""
        ...

    def is_flowing(self, pid: str) -> bool:
        """Tell whether bytes of a transfer may move at this moment."""
        ...


class Keys(Protocol):
    """Where the key that seals addresses comes from."""

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes for that purpose."""
        ...


class Cuts:
    """Which flows bytes are moving in now, so that they can be cut from another thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._live: dict[str, set[threading.Event]] = {}

    def open(self, pid: str) -> threading.Event:
        """Return an event that is set when bytes of this flow must stop."""
        cut = threading.Event()
        with self._guard:
            self._live.setdefault(pid, set()).add(cut)
        return cut

    def close(self, pid: str, cut: threading.Event) -> None:
        """Forget an event: its bytes have ended."""
        with self._guard:
            held = self._live.get(pid, set())
            held.discard(cut)
            if not held:
                self._live.pop(pid, None)

    def cut(self, pid: str) -> int:
        """Stop everything that moves in a flow; return how many streams there were."""
        with self._guard:
            held = tuple(self._live.get(pid, ()))
        for one in held:
            one.set()
        return len(held)


@dataclass(frozen=True, slots=True)
class PlaneDesk:
    """The shared ground. `doors` is the base of the data doors; `control` is asked, not kept.

    `reports_to` says whether a peer takes reports of copies, as the nodes of our space do;
    `token_used` is told which token (by its hash) asked for the bytes of which flow.
    """

    journal: Journal
    clock: Clock
    ids: Ids
    keys: Keys
    http: Way
    courier: Courier
    rows: Rows
    control: Callable[[], Control]
    doors: str
    token: Callable[[], str]
    reports_to: Callable[[str], bool] = lambda _did: False
    token_used: Callable[[str, str], None] = lambda _pid, _digest: None
    cuts: Cuts = field(default_factory=Cuts)
    settings: PlaneSettings = field(default_factory=PlaneSettings)

    def find(self, pid: str) -> FlowRecord | None:
        """Return a flow, or None."""
        return self.journal.read(store.find_flow, pid)

    def get(self, pid: str) -> FlowRecord:
        """Return a flow; raise FlowUnknownError."""
        found = self.find(pid)
        if found is None:
            raise _unknown()
        return found

    def settled(self, pid: str) -> FlowRecord:
        """Return a flow as the last writer left it, once that is on disk; for a writer that lost.

        Writers share commits: what made a writer lose may wait for its commit still, and a mere
        read would not see it yet. Raises FlowUnknownError.
        """
        with self.journal.upkeep() as tx:
            found = store.find_flow(tx.connection, pid)
        if found is None:
            raise _unknown()
        return found

    def now(self) -> str:
        """Return the present moment."""
        return iso(self.clock.now())

    def save(self, record: FlowRecord) -> FlowRecord:
        """Save how far a flow is, without evidence."""
        with self.journal.upkeep() as tx:
            return store.put_flow(tx.connection, record, tx.at)

    def moved(self, record: FlowRecord, moved: int, total: int = -1) -> FlowRecord:
        """Save how many bytes have moved, on top of whatever else changed meanwhile."""
        with self.journal.upkeep() as tx:
            found = store.find_flow(tx.connection, record.flow.pid) or record
            known = total if total >= 0 else found.total
            if moved == found.moved and known == found.total and not found.misses:
                return found
            changed = replace(found, moved=moved, total=known, misses=0, problem="")
            return store.put_flow(tx.connection, changed, tx.at)

    def seal(self, pid: str, address: PlaneAddress | None) -> str:
        """Return an address sealed for keeping, or an empty string."""
        if address is None:
            return ""
        parts = [address.endpoint_type, address.endpoint, dict(address.properties)]
        clear = msgspec.json.encode(parts).decode()
        return seal_token(self.keys.derive(PURPOSE), pid, clear)

    def unseal(self, record: FlowRecord) -> PlaneAddress | None:
        """Return the peer's address of a flow, or None."""
        if not record.address:
            return None
        clear = open_token(self.keys.derive(PURPOSE), record.flow.pid, record.address)
        return PlaneAddress(*msgspec.json.decode(clear, type=tuple[str, str, dict[str, str]]))

    def grant(self, pid: str) -> PlaneAddress:
        """Make a token for a flow; return the address it opens. Earlier tokens live on."""
        token = self.token()
        with self.journal.upkeep() as tx:
            expires = iso(tx.now + timedelta(seconds=self.settings.token_seconds))
            store.add_token(
                tx.connection,
                self.ids.new("tok"),
                pid,
                token_digest(token),
                at=tx.at,
                expires_at=expires,
            )
        endpoint = f"{self.doors}/{pid}"
        opens = {"endpoint": endpoint, "authorization": token, "authType": "bearer"}
        return PlaneAddress(HTTP_TYPE, endpoint, {**opens, EXPIRES: expires})

    def prolong(self, pid: str) -> None:
        """Let the tokens of a push live on while its bytes come: nothing renews them from outside.

        A transfer that ends, or is cut, loses its tokens whatever their age.
        """
        with self.journal.upkeep() as tx:
            expires = iso(tx.now + timedelta(seconds=self.settings.token_seconds))
            store.prolong_tokens(tx.connection, pid, at=tx.at, expires_at=expires)


def _unknown() -> FlowUnknownError:
    return FlowUnknownError("There is no such data flow.", code="flow_unknown")


def evidence(record: FlowRecord) -> dict[str, str | int]:
    """Return what the evidence says of a flow: ids, sizes and hashes."""
    flow = record.flow
    told: dict[str, str | int] = {
        "agreement": flow.agreement_id,
        "format": flow.format,
        "peer": flow.peer_did,
        "side": flow.side.value,
        "version": flow.version_id,
    }
    known = {"content": record.content, "sha256": record.sha256}
    told |= {name: value for name, value in known.items() if value}
    return told if record.total < 0 else told | {"bytes": record.total}


def ended(desk: PlaneDesk, record: FlowRecord, *, by: str) -> FlowRecord:
    """Keep, with its evidence, that every byte of a flow has moved and was checked."""
    with desk.journal.write(
        by=by,
        did="flow.completed",
        to=f"transfer:{record.flow.pid}",
        why=evidence(record),
    ) as tx:
        done = replace(record, state=DataFlowState.COMPLETED, ended_at=tx.at, problem="", misses=0)
        return store.put_flow(tx.connection, done, tx.at)


def queue(tx: Tx, task: str, record: FlowRecord, delay: float = 0.0) -> None:
    """Queue the next run of a worker for a flow."""
    pid = record.flow.pid
    tx.enqueue(
        task,
        lane=f"bytes:{pid}",
        party=record.flow.peer_did,
        delay=delay,
        transfer=pid,
        chain=str(record.chain),
    )


def fresh(flow: Flow) -> FlowRecord:
    """Return the record of a flow nobody has heard of yet."""
    return FlowRecord(flow, DataFlowState.INITIALIZED)
