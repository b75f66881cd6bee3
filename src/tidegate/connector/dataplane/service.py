"""The data plane inside this node: rows over HTTP, fetched from us or sent by us, and the reverse.

Formats `HttpData-PULL` and `HttpData-PUSH`. State is in the database, encrypted content in the
vault; workers are tasks, so a process killed anywhere goes on where the bytes end.
"""

from dataclasses import replace
from datetime import timedelta

from tidegate.audit.journal import Tx
from tidegate.connector.dataplane import store
from tidegate.connector.dataplane.desk import PlaneDesk, evidence, fresh, queue
from tidegate.connector.dataplane.errors import AddressInvalidError, FlowChangedError
from tidegate.connector.dataplane.fetching import FETCH, Fetching
from tidegate.connector.dataplane.model import (
    HTTP_PULL,
    HTTP_PUSH,
    HTTP_SINK,
    DataFlowState,
    Flow,
    FlowAnswer,
    FlowRecord,
    PlaneAddress,
    RowsProgress,
)
from tidegate.connector.dataplane.ranges import (
    digest_header,
    etag_of,
    read_content_range,
    read_digest,
)
from tidegate.connector.dataplane.reading import Grant, Reading
from tidegate.connector.dataplane.receiving import Receiving
from tidegate.connector.dataplane.sending import SEND, Sending
from tidegate.connector.messages.model import Side
from tidegate.kernel.clock import iso
from tidegate.kernel.failpoint import failpoint

__all__ = [
    "FORMATS",
    "Grant",
    "HttpPlane",
    "digest_header",
    "etag_of",
    "read_content_range",
    "read_digest",
]

ACTOR = "system:dataplane"
FORMATS = frozenset({HTTP_PULL, HTTP_PUSH})
EDC = "https://w3id.org/edc/v0.0.1/ns/"
HELD_SECONDS = 30 * 24 * 3600
"""How long a sink whose push is held can be opened again once it goes on."""

_OVER = {DataFlowState.COMPLETED, DataFlowState.TERMINATED}


class HttpPlane:
    """Moves rows over HTTP; the control plane drives it through the `DataPlane` protocol."""

    def __init__(self, desk: PlaneDesk) -> None:
        self._desk = desk
        self.reading = Reading(desk)
        self.receiving = Receiving(desk)
        self._fetching = Fetching(desk, self.receiving)
        self._sending = Sending(desk)

    @property
    def formats(self) -> frozenset[str]:
        """The formats this plane serves."""
        return FORMATS

    # --- driven by the control plane

    def prepare(self, flow: Flow) -> FlowAnswer:
        """As consumer: make room for the copy; for a push, say where it is to be sent."""
        record = self._desk.find(flow.pid) or fresh(flow)
        if record.state is DataFlowState.INITIALIZED:
            arrival = self._desk.rows.new_arrival()
            record = self._desk.save(
                replace(record, flow=flow, state=DataFlowState.PREPARED, content=arrival)
            )
        address = _sendable(self._desk.grant(flow.pid)) if flow.is_push else None
        return FlowAnswer(DataFlowState.PREPARED, address)

    def start(self, flow: Flow, address: PlaneAddress | None) -> FlowAnswer:
        """As provider: make the parcel; for a pull, say where it is fetched."""
        if flow.is_push:
            self._check_target(address)
        parcel = self._desk.rows.parcel_for(flow.version_id, flow.agreement_id)
        failpoint("dataplane.packed")
        record = self._desk.find(flow.pid) or fresh(flow)
        if record.state is DataFlowState.INITIALIZED:
            record = self._desk.save(
                replace(
                    record,
                    flow=flow,
                    state=DataFlowState.STARTING,
                    content=parcel.id,
                    name=parcel.name,
                    sha256=parcel.sha256,
                    total=parcel.stored.size,
                    address=self._desk.seal(flow.pid, address),
                )
            )
        return FlowAnswer(DataFlowState.STARTED, None if flow.is_push else self._grant(record))

    def started(self, flow: Flow, address: PlaneAddress | None) -> FlowAnswer:
        """On both sides: bytes may move; the side that moves them sets its worker to work."""
        record = self._desk.get(flow.pid)
        if record.state in _OVER:
            return FlowAnswer(record.state)
        fetches = flow.side is Side.CONSUMER and not flow.is_push
        if fetches and address is not None:
            self._check_target(address)
            record = self._pointed(record, address)
        if fetches and not record.address:
            raise AddressInvalidError(
                "The provider started the transfer without an address to fetch from.",
                code="address_missing",
            )
        try:
            self._run(replace(record, flow=flow), fetches=fetches)
        except FlowChangedError:  # told twice at once: one of the two has started it
            if self._desk.settled(flow.pid).state is not DataFlowState.STARTED:
                raise
        return FlowAnswer(DataFlowState.STARTED)

    def resume(self, flow: Flow) -> FlowAnswer:
        """On the side that resumes; a provider of a pull gives a fresh address."""
        record = self._desk.get(flow.pid)
        provides = flow.side is Side.PROVIDER and not flow.is_push
        return FlowAnswer(DataFlowState.STARTED, self._grant(record) if provides else None)

    def renew(self, flow: Flow) -> PlaneAddress | None:
        """As provider of a running pull, or consumer of a running push: a fresh token."""
        record = self._desk.find(flow.pid)
        if record is None or flow.is_push:
            return None
        return self._grant(record)

    def suspend(self, flow: Flow, reason: str) -> None:
        """Stop moving bytes; what has moved is kept."""
        self._stop(flow, DataFlowState.SUSPENDED, reason)

    def complete(self, flow: Flow) -> None:
        """Let nothing more move: the transfer has served its purpose."""
        self._stop(flow, DataFlowState.COMPLETED, "")

    def terminate(self, flow: Flow, reason: str) -> None:
        """Stop for good; a copy that is not whole is destroyed."""
        self._stop(flow, DataFlowState.TERMINATED, reason)

    def cut(self, pid: str) -> int:
        """Cut whatever moves in a flow at this moment; return how many streams."""
        return self._desk.cuts.cut(pid)

    # --- tasks, and what screens ask

    def fetch(self, transfer: str, chain: str) -> None:
        """Fetch a while longer (task `dataplane.fetch`)."""
        self._fetching.run(transfer, int(chain))

    def send(self, transfer: str, chain: str) -> None:
        """Send a while longer (task `dataplane.send`)."""
        self._sending.run(transfer, int(chain))

    def progress(self, pid: str) -> RowsProgress | None:
        """Return how far the rows of a transfer are; None where none ever began to move."""
        found = self._desk.find(pid)
        if found is None:
            return None
        is_copy = (
            found.flow.side is Side.CONSUMER
            and found.state is DataFlowState.COMPLETED
            and self._desk.rows.find_arrival(found.content) is not None
        )
        return RowsProgress(
            transfer=pid,
            state=found.state,
            name=found.name,
            moved=found.moved,
            total=found.total,
            sha256=found.sha256,
            tries_without_progress=found.misses,
            problem=found.problem,
            started_at=found.started_at,
            ended_at=found.ended_at,
            copy=found.content if is_copy else "",
        )

    # --- inside

    def _pointed(self, record: FlowRecord, address: PlaneAddress) -> FlowRecord:
        """Return a flow with the address it is fetched from; one that runs keeps it at once."""
        if self._desk.unseal(record) == address:
            return record
        pointed = replace(record, address=self._desk.seal(record.flow.pid, address))
        if record.state is not DataFlowState.STARTED:
            return pointed
        return self._desk.save(replace(pointed, misses=0, problem=""))

    def _run(self, record: FlowRecord, *, fetches: bool) -> None:
        sends = record.flow.side is Side.PROVIDER and record.flow.is_push
        if record.state is DataFlowState.STARTED:
            return
        with self._desk.journal.write(
            by=ACTOR,
            did="flow.started",
            to=f"transfer:{record.flow.pid}",
            why=evidence(record),
        ) as tx:
            running = replace(
                record,
                state=DataFlowState.STARTED,
                chain=record.chain + 1,
                misses=0,
                started_at=record.started_at or tx.at,
            )
            saved = store.put_flow(tx.connection, running, tx.at)
            if record.state is DataFlowState.SUSPENDED and _takes_in(record.flow):
                self._keep_sink(tx, record.flow.pid, self._desk.settings.token_seconds)
            if fetches or sends:
                queue(tx, FETCH if fetches else SEND, saved)

    def _keep_sink(self, tx: Tx, pid: str, seconds: int) -> None:
        """Let what opens a sink live that long from now: its sender is told no other address."""
        until = iso(tx.now + timedelta(seconds=seconds))
        store.prolong_tokens(tx.connection, pid, at=tx.at, expires_at=until)

    def _stop(self, flow: Flow, state: DataFlowState, reason: str) -> None:
        self._desk.cuts.cut(flow.pid)
        record = self._desk.find(flow.pid)
        if record is None or record.state in _OVER or record.state is state:
            return
        with self._desk.journal.write(
            by=ACTOR,
            did="flow.stopped",
            to=f"transfer:{flow.pid}",
            why={**evidence(record), "state": state.value, "moved": record.moved},
        ) as tx:
            stopped = replace(
                record,
                state=state,
                problem=reason[:400],
                ended_at="" if state is DataFlowState.SUSPENDED else tx.at,
            )
            store.put_flow(tx.connection, stopped, tx.at)
            if state is DataFlowState.SUSPENDED and _takes_in(flow):
                self._keep_sink(tx, flow.pid, HELD_SECONDS)
            else:
                store.drop_tokens(tx.connection, flow.pid)
        if flow.side is Side.CONSUMER and state is not DataFlowState.SUSPENDED:
            self.receiving.drop(record)

    def _grant(self, record: FlowRecord) -> PlaneAddress:
        return self._desk.grant(record.flow.pid)

    def _check_target(self, address: PlaneAddress | None) -> None:
        if address is None or not address.endpoint:
            raise AddressInvalidError(
                "The data address names no endpoint: it needs one to send to or fetch from.",
                code="address_missing",
            )
        self._desk.http.check_url(address.endpoint)


def _takes_in(flow: Flow) -> bool:
    return flow.is_push and flow.side is Side.CONSUMER


def _sendable(address: PlaneAddress) -> PlaneAddress:
    """Say it in the words by which Eclipse data planes send: type, base URL, method, key, code."""
    token = address.properties["authorization"]
    also = {"baseUrl": address.endpoint, "method": "PUT"}
    also |= {"authKey": "Authorization", "authCode": f"Bearer {token}"}
    also |= {f"{EDC}{name}": value for name, value in also.items()}
    return replace(address, endpoint_type=HTTP_SINK, properties={**address.properties, **also})
