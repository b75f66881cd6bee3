"""How a data flow is kept: opened, moved along its machine, each with its evidence."""

from collections.abc import Callable
from dataclasses import replace

from tidegate.audit.journal import Tx
from tidegate.connector.dataplane.model import Flow, PlaneAddress
from tidegate.connector.signaling import store
from tidegate.connector.signaling.desk import Desk
from tidegate.connector.signaling.machine import DATA_FLOW, FINAL, Signal
from tidegate.connector.signaling.model import DataFlow, FlowRole
from tidegate.connector.signaling.sealing import open_address, seal_address
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.failpoint import failpoint
from tidegate.kernel.values import dataclass

GO = "signaling.go"
TELL = "signaling.tell"


@dataclass(frozen=True, slots=True)
class Change:
    """What else a step changes.

    `keep` is an address to keep sealed, `go` has the plane inside follow, `tell` names the callback
    that the control plane elsewhere is told by, `digests` are those of access and refresh token.
    `also` is done in the same write.
    """

    keep: PlaneAddress | None = None
    go: bool = False
    tell: str = ""
    remote_id: str = ""
    digests: tuple[str, str] | None = None
    reason: str = ""
    also: Callable[[Tx], object] | None = None


class Flows:
    """Keeps data flows."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def find(self, flow_id: str, role: FlowRole) -> DataFlow | None:
        """Return a data flow, or None."""
        return self._desk.journal.read(store.find_flow, flow_id, role)

    def get(self, flow_id: str, role: FlowRole) -> DataFlow:
        """Return a data flow; raise DataFlowUnknownError."""
        return self._desk.journal.read(store.get_flow, flow_id, role)

    def open(self, one: DataFlow, also: Callable[[Tx], object] | None = None) -> DataFlow:
        """Keep a new flow, and what is `also` to be kept in the same write."""
        with self._desk.journal.write(
            by=one.created_by, did="signaling.opened", to=f"dataflow:{one.id}", why=about(one)
        ) as tx:
            known = store.find_by_process(tx.connection, one.plane, one.process_id)
            if known is not None and one.role is FlowRole.HOSTED:
                return known
            one = replace(one, created_at=tx.at, changed_at=tx.at)
            store.insert_flow(tx.connection, one)
            if also is not None:
                also(tx)
        return one

    def move(
        self, one: DataFlow, signal: Signal, change: Change | None = None, *, by: str, actor: str
    ) -> DataFlow:
        """Take a step of the machine in a write of its own; raise IllegalMoveError."""
        change = change or Change()
        move = DATA_FLOW.step(one.state, signal.value, by=by)
        moved = self._changed(replace(one, state=move.target, changed_by=actor), change)
        why = {**about(moved), "signal": signal.value, "state": move.target.value}
        with self._desk.journal.write(
            by=actor, did="signaling.moved", to=f"dataflow:{one.id}", why=why
        ) as tx:
            saved = store.save_flow(tx.connection, replace(moved, changed_at=tx.at))
            _end_pairs(tx, saved, change)
            if change.also is not None:
                change.also(tx)
            if change.go:
                tx.enqueue(GO, lane=f"dataflow:{one.id}", flow=one.id)
            if change.tell:
                self.tell_later(tx, saved, change.tell)
            failpoint("signaling.before_commit")
        return saved

    def _changed(self, moved: DataFlow, change: Change) -> DataFlow:
        if change.keep is not None:
            moved = replace(moved, sealed=seal_address(self._desk.keys, moved.id, change.keep))
        if change.remote_id:
            moved = replace(moved, remote_id=change.remote_id[:400])
        if change.digests is not None:
            access, refresh = change.digests
            moved = replace(moved, access_digest=access, refresh_digest=refresh)
        if moved.state in FINAL:
            moved = replace(moved, sealed="", access_digest="", refresh_digest="")
            moved = replace(moved, error=change.reason)
        return moved

    def note_error(self, one: DataFlow, words: str, *, actor: str, tell: bool) -> None:
        """Keep what went wrong with the bytes of a flow; it changes no state."""
        with self._desk.journal.write(
            by=actor, did="signaling.errored", to=f"dataflow:{one.id}", why=about(one)
        ) as tx:
            current = store.get_flow(tx.connection, one.id, one.role)
            store.save_flow(
                tx.connection,
                replace(current, error=words[:1000], changed_by=actor, changed_at=tx.at),
            )
            if tell:
                self.tell_later(tx, current, "errored")

    def note_withheld(self, one: DataFlow, problem: TidegateError) -> None:
        """Leave in the evidence that a hosted flow was refused, and on what ground."""
        self._desk.journal.note(
            by=one.created_by,
            did="signaling.withheld",
            to=f"dataflow:{one.id}",
            why={**about(one), "reason": problem.code, **problem.details},
        )

    def tell_later(self, tx: Tx, one: DataFlow, what: str) -> None:
        """Queue a callback to the control plane elsewhere, in the caller's write."""
        tx.enqueue(TELL, lane=f"dataflow-told:{one.id}", party=one.plane, flow=one.id, what=what)

    def address(self, one: DataFlow) -> PlaneAddress | None:
        """Return the address kept with a flow, or None."""
        return open_address(self._desk.keys, one.id, one.sealed)


def _end_pairs(tx: Tx, one: DataFlow, change: Change) -> None:
    """Let no earlier pair of tokens renew a flow that is over, or was given a pair anew."""
    if one.state in FINAL:
        store.drop_pairs(tx.connection, one.id)
    elif change.digests is not None:
        store.void_pairs(tx.connection, one.id, tx.at)


def about(one: DataFlow) -> dict[str, str]:
    """Return what the evidence says of a flow: ids, never an address or a token."""
    return {
        "role": one.role.value,
        "plane": one.plane,
        "process": one.process_id,
        "side": one.side.value,
        "format": one.format,
        "agreement": one.agreement_id,
        "dataset": one.dataset_id,
        "counterparty": one.counterparty,
    }


def as_flow(one: DataFlow) -> Flow:
    """Return a hosted flow as the plane inside needs to know it."""
    return Flow(
        pid=one.id,
        side=one.side,
        format=one.format,
        agreement_id=one.agreement_id,
        dataset_id=one.dataset_id,
        version_id=one.version_id,
        participant=one.participant,
        peer_did=one.counterparty,
    )


def is_over(one: DataFlow) -> bool:
    """Tell whether nothing can happen to a flow any more."""
    return one.state in FINAL
