"""How a query ends: its result is released, held for a checker, refused, stopped or taken back."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from tidegate.audit.journal import Journal, Tx
from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.errors import TidegateError
from tidegate.lab.disclosure.limits import Limits
from tidegate.lab.errors import StaleRunError
from tidegate.lab.model import CHECKER, MACHINE, QUERY_LIFE, REQUESTER, Result, Run, RunState
from tidegate.lab.query.model import Query
from tidegate.lab.query.wire import parse_query
from tidegate.lab.sealing import Seal
from tidegate.lab.visits import store
from tidegate.lab.visits.admission import Admission, Admitted, limits_of
from tidegate.lab.visits.versions import Opened, OpenVersions

if TYPE_CHECKING:
    from tidegate.lab.analysis import Settled
    from tidegate.lab.disclosure.model import Family

Still = Callable[[Tx], None]
RELEASED = "query.released"
CLOSED = "query.closed"
_ATTEMPTS = 5
_RESULT = msgspec.json.Decoder(Result)
_EVENTS = {
    RunState.REFUSED: "query.refused",
    RunState.STOPPED: "query.stopped",
    RunState.WITHDRAWN: "query.withdrawn",
}


class Publishing:
    """Writes the end of a query: once, with its evidence, and tells the asking node."""

    def __init__(
        self, journal: Journal, clock: Clock, admission: Admission, versions: OpenVersions
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._admission = admission
        self._versions = versions

    def settle(
        self,
        run: Run,
        query: Query,
        settled: "Settled",
        opened: Opened,
        admitted: Admitted,
        *,
        still: Still,
    ) -> Run:
        """Release a result that passed the machine, or hold it for a checker.

        `still` raises, inside the write that does either, once the query was to be stopped.
        """
        content = result_bytes(settled.result)
        agreement = self._admission.agreement(run.agreement_id)
        decision, must_wait = self._admission.may_leave(agreement, run, query)
        run = replace(
            run,
            receipt_id=decision.receipt_id,
            result_hash=sha256_hex(content),
            result_sealed=opened.seal.close(content, f"result/{run.id}"),
        )
        if must_wait:
            return self._hold(run, settled, opened, admitted.limits, still)
        released = self._moved(run, "release", MACHINE)
        return self._publish(
            released, run.state, settled.families, opened, admitted.limits, still=still
        )

    def clear(self, run: Run, *, by: str, checker_ref: str) -> Run:
        """Release a held result after a checker looked at it; everything is checked again."""
        from tidegate.lab.visits.ledger import open_families  # noqa: PLC0415 - numpy comes with a query

        opened = self._versions.open(run.version_id)
        agreement = self._admission.agreement(run.agreement_id)
        query = parse_query(run.query.encode())
        decision, _ = self._admission.may_leave(agreement, run, query, checked_by=checker_ref)
        families = open_families(opened.seal, run.id, run.pending_sealed)
        cleared = replace(
            self._moved(run, "clear", CHECKER),
            receipt_id=decision.receipt_id,
            pending_sealed="",
            checked_by=checker_ref,
            checked_at=iso(self._clock.now()),
        )
        return self._publish(cleared, run.state, families, opened, limits_of(agreement), by=by)

    def reject(self, run: Run, reason: str, *, by: str, checker_ref: str) -> Run:
        """Refuse a held result for a reason the asker is told."""
        rejected = replace(
            self._moved(run, "reject", CHECKER),
            reason_code="checker_refused",
            reason=reason,
            checked_by=checker_ref,
            checked_at=iso(self._clock.now()),
        )
        return self._end(rejected, run.state, by=by, did="query.rejected", tell=True)

    def close(self, run: Run, action: str, problem: TidegateError) -> Run:
        """End a query that may not be answered; the asker is told the reason."""
        closed = replace(
            self._moved(run, action, MACHINE), reason_code=problem.code, reason=problem.message
        )
        return self._end(closed, run.state, by="system:lab", did=_EVENTS[closed.state])

    def stop(self, run: Run, reason: str) -> Run:
        """End a held query because its grounds are gone."""
        stopped = replace(
            self._moved(run, "stop", MACHINE), reason_code="query_stopped", reason=reason
        )
        return self._end(stopped, run.state, by="system:lab", did="query.stopped", tell=True)

    def withdraw(self, run: Run) -> Run:
        """End a held query because its asker takes it back."""
        withdrawn = self._moved(run, "withdraw", REQUESTER)
        return self._end(withdrawn, run.state, by=f"node:{run.peer_did}", did="query.withdrawn")

    def _moved(self, run: Run, action: str, by: str) -> Run:
        move = QUERY_LIFE.step(run.state, action, by=by)
        return replace(run, state=move.target, settled_at=iso(self._clock.now()))

    def _hold(
        self, run: Run, settled: "Settled", opened: Opened, limits: Limits, still: Still
    ) -> Run:
        """Keep a result until a checker has looked; it is compared with the released ones now."""
        from tidegate.lab.visits.ledger import close_families  # noqa: PLC0415 - numpy comes with a query

        with opened.lock:
            with self._journal.reading() as conn:
                opened.ledger.refresh(conn)
            opened.ledger.check(settled.families, limits.min_cell)
        move = QUERY_LIFE.step(run.state, "hold", by=MACHINE)
        held = replace(
            run,
            state=move.target,
            pending_sealed=close_families(opened.seal, run.id, settled.families),
        )
        with self._journal.write(
            by="system:lab",
            did="query.awaiting_checker",
            to=f"query:{run.id}",
            why=why_of(held),
        ) as tx:
            self._check_still_open(tx, held)
            still(tx)
            store.save_run(tx.connection, held, expect=run.state)
        return held

    def _publish(
        self,
        run: Run,
        before: RunState,
        families: "tuple[Family, ...]",
        opened: Opened,
        limits: Limits,
        *,
        by: str = "system:lab",
        still: Still = lambda _tx: None,
    ) -> Run:
        """Compare with everything released so far and release, as one step for the dataset."""
        from tidegate.lab.visits.ledger import close_families  # noqa: PLC0415 - numpy comes with a query

        sealed = close_families(opened.seal, run.id, families)
        for _ in range(_ATTEMPTS):
            with opened.lock:
                with self._journal.reading() as conn:
                    opened.ledger.refresh(conn)
                opened.ledger.check(families, limits.min_cell)
                try:
                    self._released(run, before, sealed, opened, by, still)
                except _RacedError:
                    continue
                return run
        raise StaleRunError(
            "Other releases on this dataset came in between; try again.", code="releases_busy"
        )

    def _released(
        self, run: Run, before: RunState, sealed: str, opened: Opened, by: str, still: Still
    ) -> None:
        result = open_result(opened.seal, run)
        with self._journal.write(
            by=by, did="query.released", to=f"query:{run.id}", why=why_of(run)
        ) as tx:
            self._check_still_open(tx, run)
            still(tx)
            if store.last_family(tx.connection, run.dataset_id) != opened.ledger.seq:
                raise _RacedError(run.id)
            store.save_run(tx.connection, run, expect=before)
            store.add_family(tx.connection, run, sealed)
            tx.note(did="query.released", to=f"version:{run.version_id}", why={"query": run.id})
            tx.send(to=run.peer_did, kind=RELEASED, body=_message(run, result))

    def _check_still_open(self, tx: Tx, run: Run) -> None:
        """Raise where what lets a result leave has ended since it was judged."""
        self._admission.check_still_open(tx, run)
        self._versions.check_still_open(tx, run.version_id)

    def _end(self, run: Run, before: RunState, *, by: str, did: str, tell: bool = False) -> Run:
        """Write a query's end without a result, and wipe what was sealed."""
        ended = replace(run, result_sealed="", pending_sealed="")
        why = {**why_of(ended), "reason": ended.reason_code}
        with self._journal.write(by=by, did=did, to=f"query:{run.id}", why=why) as tx:
            store.save_run(tx.connection, ended, expect=before)
            if tell:
                tx.send(to=run.peer_did, kind=CLOSED, body=_closed(ended))
        return ended


class _RacedError(Exception):
    """Another process released on the dataset between the comparison and the write."""


def result_bytes(result: Result) -> bytes:
    """Return the canonical JSON of a result."""
    return canonical_json(msgspec.to_builtins(result))


def read_result(content: bytes) -> Result:
    """Read a result back; raises msgspec.ValidationError for anything else."""
    result: Result = _RESULT.decode(content)
    return result


def open_result(seal: Seal, run: Run) -> Result:
    """Open the sealed result of a run."""
    return read_result(seal.open(run.result_sealed, f"result/{run.id}"))


def _message(run: Run, result: Result) -> dict[str, object]:
    return {
        "request": run.request_id,
        "query": run.id,
        "agreement": run.agreement_id,
        "query_hash": run.query_hash,
        "result_hash": run.result_hash,
        "decision": run.receipt_id,
        "result": msgspec.to_builtins(result),
    }


def _closed(run: Run) -> dict[str, object]:
    return {
        "request": run.request_id,
        "query": run.id,
        "agreement": run.agreement_id,
        "state": run.state.value,
        "code": run.reason_code,
        "reason": run.reason,
    }


def why_of(run: Run) -> dict[str, str]:
    """Return what evidence says about a query: hashes and ids, never a value."""
    return {
        "query": run.query_hash,
        "agreement": run.agreement_id,
        "version": run.version_id,
        "person": run.person_ref,
        "decision": run.receipt_id,
        "result": run.result_hash,
        "checker": run.checked_by or "",
    }
