"""Queries that visit the data: checked every time, run beside it, answered or held."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from tidegate.audit.journal import Journal, Tx
from tidegate.connector.transfer.model import Visit
from tidegate.kernel.canonical import sha256_hex
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.errors import CorruptError, InvalidError, TidegateError, WithheldError
from tidegate.kernel.ids import Ids
from tidegate.lab.errors import (
    TELLING,
    QueryInvalidError,
    QueryNotFoundError,
    QueryStoppedError,
    RefusalsSpentError,
    StaleRunError,
)
from tidegate.lab.model import MACHINE, QUERY_LIFE, Run, RunAnswer
from tidegate.lab.query.axes import axes_of
from tidegate.lab.query.model import Query
from tidegate.lab.query.rules import check_query
from tidegate.lab.query.wire import query_bytes, read_query
from tidegate.lab.visits import store
from tidegate.lab.visits.admission import Admission, Admitted
from tidegate.lab.visits.ports import Transfers
from tidegate.lab.visits.publishing import Publishing, Still, why_of
from tidegate.lab.visits.versions import Opened, OpenVersions

if TYPE_CHECKING:
    from tidegate.lab.analysis import Settled

MAX_ID = 100
MAX_REFUSALS = 30
"""How often in a day an institution may meet results of a version too small or close to show.

Each such refusal tells something about who is in the data, so whoever tries conditions one after
another to hear which are refused is stopped, under however many agreements.
"""


class LabService:
    """Answers the queries of visitors at the node that holds the data."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        *,
        transfers: Transfers,
        admission: Admission,
        versions: OpenVersions,
        publishing: Publishing,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._transfers = transfers
        self._admission = admission
        self._versions = versions
        self._publishing = publishing

    def submit(self, token: str, transfer_pid: str, document: Mapping[str, Any]) -> RunAnswer:
        """Take a visitor's query, run it and say where it stands.

        A refusal is an answer with its reason, and evidence. The same request sent twice is
        answered twice and run once. Raises for a token that opens no visit, and for a query that
        is not of the language.
        """
        visit = self._visit(token, transfer_pid)
        request_id, query = _read_request(document)
        known = self._journal.read(store.find_request, visit.peer_did, request_id)
        if known is not None:
            _check_owner(known, visit)
            return answer_of(known)
        run = self._new_run(visit, request_id, query)
        try:
            return self._answered(run, visit, query)
        except _SentTwiceError as twice:
            _check_owner(twice.run, visit)
            return answer_of(twice.run)

    def get_answer(self, token: str, transfer_pid: str, run_id: str) -> RunAnswer:
        """Say where a visitor's query stands."""
        visit = self._visit(token, transfer_pid)
        run = self._journal.read(store.get_run, run_id)
        _check_owner(run, visit)
        return answer_of(run)

    def withdraw(self, token: str, transfer_pid: str, run_id: str) -> RunAnswer:
        """Take a query back before a checker has looked at it."""
        visit = self._visit(token, transfer_pid)
        run = self._journal.read(store.get_run, run_id)
        _check_owner(run, visit)
        return answer_of(self._publishing.withdraw(run))

    def list_runs(self, agreement_id: str = "") -> tuple[Run, ...]:
        """Return the queries asked here, newest first; sealed parts stay sealed."""
        return self._journal.read(store.list_runs, agreement_id)

    def on_agreement_closed(self, agreement: str) -> None:
        """Stop what runs or waits under an agreement that was suspended or ended."""
        self._versions.engine.stop(
            lambda one: one.agreement_id == agreement, "the agreement was closed"
        )
        waiting = self._journal.read(store.list_waiting_under, agreement)
        self._stop(waiting, "The agreement ended or was suspended.")
        for version_id in self._journal.read(store.versions_under, agreement):
            self._versions.forget_unless_used(version_id, agreement)

    def on_visit_stopped(self, transfer: str) -> None:
        """Stop what runs in a visit that was suspended or ended (fact `transfer.stopped`)."""
        self._versions.engine.stop(
            lambda one: one.transfer_pid == transfer, "the visit was suspended or ended"
        )

    def on_version_closed(self, version: str) -> None:
        """Forget a version that was suspended, restricted or quarantined, until it is opened."""
        self._versions.forget(version, "the version was closed")

    def on_version_destroyed(self, version: str) -> None:
        """Forget a destroyed version, and destroy the key of everything released from it."""
        self._stop(self._journal.read(store.list_waiting_of, version), "The data were destroyed.")
        self._versions.destroy(version)

    def _stop(self, waiting: Iterable[Run], reason: str) -> None:
        """Stop what waits for a checker; what has moved on since is left, and hinders no other."""
        for run in waiting:
            with suppress(StaleRunError):
                self._publishing.stop(run, reason)

    def _visit(self, token: str, transfer_pid: str) -> Visit:
        visit = self._transfers.visit_for_token(token)
        if visit.transfer_pid != transfer_pid:
            raise QueryNotFoundError("This token opens another visit.", code="visit_unknown")
        return visit

    def _new_run(self, visit: Visit, request_id: str, query: Query) -> Run:
        content = query_bytes(query)
        return Run(
            id=self._ids.new("query"),
            request_id=request_id,
            transfer_pid=visit.transfer_pid,
            agreement_id=visit.agreement_id,
            peer_did=visit.peer_did,
            person_ref=visit.person_ref,
            dataset_id="",
            version_id=visit.version_id,
            query=content.decode(),
            query_hash=sha256_hex(content),
            state=QUERY_LIFE.start,
            submitted_at=iso(self._clock.now()),
        )

    def _answered(self, run: Run, visit: Visit, query: Query) -> RunAnswer:
        try:
            admitted = self._admit(run, visit, query)
        except (WithheldError, InvalidError) as problem:
            return self._turn_away(run, problem)
        return self._perform(run, query, admitted)

    def _admit(self, run: Run, visit: Visit, query: Query) -> Admitted:
        record = self._versions.record(visit.version_id)
        check_query(query, record.codebook)
        with self._journal.reading() as conn:
            self._check_refusals(conn, visit.peer_did, visit.version_id)
        return self._admission.admit(visit, query, run.id)

    def _check_refusals(self, conn: Connection, peer_did: str, version_id: str) -> None:
        """Raise RefusalsSpentError; what runs now counts, as each may be refused."""
        since = iso(self._clock.now() - timedelta(days=1))
        running = store.count_running(conn, peer_did, version_id, since=since)
        refused = store.count_refused(conn, peer_did, version_id, TELLING, since=since)
        if refused + running >= MAX_REFUSALS:
            raise RefusalsSpentError(
                f"{MAX_REFUSALS} results were too small or too close to others to be shown within"
                " a day; wait a day, and ask for wider groups.",
                code="refusals_spent",
            )

    def _perform(self, run: Run, query: Query, admitted: Admitted) -> RunAnswer:
        run = replace(run, receipt_id=admitted.decision.receipt_id)
        try:
            opened = self._versions.open(run.version_id)
            run = replace(run, dataset_id=opened.record.dataset_id)
            self._receive(run)
        except (WithheldError, CorruptError) as problem:
            return self._turn_away(run, problem)
        try:
            settled = self._compute(run, query, opened, admitted)
            run = self._publishing.settle(
                run, query, settled, opened, admitted, still=self._check_visit(run.transfer_pid)
            )
        except TidegateError as problem:
            action = "stop" if isinstance(problem, QueryStoppedError) else "refuse"
            return answer_of(self._publishing.close(run, action, problem))
        return answer_of(run)

    def _receive(self, run: Run) -> None:
        with self._journal.write(
            by=f"node:{run.peer_did}", did="query.received", to=f"query:{run.id}", why=why_of(run)
        ) as tx:
            _check_sent_once(tx, run)
            self._check_refusals(tx.connection, run.peer_did, run.version_id)
            self._admission.count_use(tx, run.agreement_id)
            store.add_run(tx.connection, run)

    def _check_visit(self, transfer_pid: str) -> Still:
        def check(tx: Tx) -> None:
            if not self._transfers.is_running(tx, transfer_pid):
                raise QueryStoppedError(
                    "The query was stopped: the visit was suspended or ended.",
                    code="query_stopped",
                )

        return check

    def _compute(self, run: Run, query: Query, opened: Opened, admitted: Admitted) -> "Settled":
        from tidegate.lab.analysis import settle  # noqa: PLC0415 - numpy comes with a query

        session = opened.session
        axes = axes_of(query, session.codebook)
        rows = self._versions.engine.ask(
            query,
            axes,
            session,
            agreement_id=run.agreement_id,
            version_id=run.version_id,
            transfer_pid=run.transfer_pid,
        )
        return settle(query, axes, rows, session.people, admitted.limits)

    def _turn_away(self, run: Run, problem: TidegateError) -> RunAnswer:
        """Record a query that was refused before it ran."""
        move = QUERY_LIFE.step(run.state, "refuse", by=MACHINE)
        refused = replace(
            run,
            state=move.target,
            settled_at=iso(self._clock.now()),
            reason_code=problem.code,
            reason=problem.message,
            receipt_id=run.receipt_id or problem.details.get("receipt", ""),
        )
        why = {**why_of(refused), "reason": problem.code}
        with self._journal.write(
            by=f"node:{run.peer_did}", did="query.refused", to=f"query:{run.id}", why=why
        ) as tx:
            _check_sent_once(tx, run)
            store.add_run(tx.connection, refused)
        return answer_of(refused)


class _SentTwiceError(Exception):
    """The same request came at the same moment; `run` is what it led to."""

    def __init__(self, run: Run) -> None:
        super().__init__(run.id)
        self.run = run


def _check_sent_once(tx: Tx, run: Run) -> None:
    known = store.find_request(tx.connection, run.peer_did, run.request_id)
    if known is not None:
        raise _SentTwiceError(known)


def answer_of(run: Run) -> RunAnswer:
    """Return what the asker may know about a run."""
    return RunAnswer(run.id, run.request_id, run.state, run.reason_code, run.reason)


def _check_owner(run: Run, visit: Visit) -> None:
    if (run.peer_did, run.person_ref) != (visit.peer_did, visit.person_ref):
        raise QueryNotFoundError("There is no such query of yours.", code="query_unknown")


def _read_request(document: Mapping[str, Any]) -> tuple[str, Query]:
    request_id, query = document.get("id"), document.get("query")
    if set(document) != {"id", "query"} or not isinstance(request_id, str):
        raise QueryInvalidError("A request has an id and a query.", code="request_shape")
    if not 0 < len(request_id) <= MAX_ID:
        raise QueryInvalidError(f"An id has 1 to {MAX_ID} characters.", code="request_shape")
    return request_id, read_query(query)
