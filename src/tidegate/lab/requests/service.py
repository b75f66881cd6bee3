"""My queries: asked of the node that holds the data, answered at once or by message."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import msgspec

from tidegate.access.model import Actor, Role, node_actor
from tidegate.access.rules import check_has_role
from tidegate.audit.journal import Journal
from tidegate.connector.http.model import Answer
from tidegate.connector.transfer.model import VisitAddress
from tidegate.kernel.canonical import sha256_hex
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.errors import UnavailableError, WithheldError
from tidegate.kernel.ids import Ids
from tidegate.kernel.values import dataclass
from tidegate.lab.errors import (
    AskedRacedError,
    NotTheProviderError,
    QueryInvalidError,
    QueryNotFoundError,
)
from tidegate.lab.model import Asked, Result, RunState
from tidegate.lab.query.names import columns_of
from tidegate.lab.query.wire import query_bytes, read_query, write_query
from tidegate.lab.requests import store
from tidegate.lab.visits.publishing import read_result, result_bytes
from tidegate.policy.model import Agreement, AgreementState
from tidegate.policy.service import check_in_force

ANSWERED = frozenset({RunState.RELEASED, RunState.REFUSED, RunState.STOPPED, RunState.WITHDRAWN})
OPEN = frozenset(RunState) - ANSWERED
PATIENCE = 40.0  # seconds; the holder stops a query after thirty


class ProviderAnswerError(UnavailableError):
    """The holder of the data answered with something that is no answer to a query."""


class Derived(Protocol):
    """A kept result."""

    @property
    def id(self) -> str:
        """The name it is kept under."""
        ...


class Keeper(Protocol):
    """Keeps what is made from a provider's data under keys that are destroyed at the end."""

    def keep_derived(
        self,
        content: Iterable[bytes],
        *,
        source: str,
        agreement_id: str,
        provider: str,
        kind: str,
        name: str,
        by: Actor,
    ) -> Derived:
        """Keep something derived and report it to its provider; raise once it has ended."""
        ...

    def open_derived(self, derived_id: str, *, by: Actor) -> bytes:
        """Return it, unless it was destroyed."""
        ...


class Agreements(Protocol):
    """Knows the agreements of this node."""

    def get_agreement(self, agreement_id: str) -> Agreement:
        """Return an agreement."""
        ...


class Visits(Protocol):
    """Arranges visits at other nodes."""

    def open_visit(self, agreement_id: str, *, by: Actor) -> VisitAddress:
        """Return where the person's visit is served and what opens it, asking for one if needed."""
        ...


class PeerPost(Protocol):
    """Calls other nodes."""

    def post(
        self, url: str, body: object, *, authorization: str = "", seconds: float | None = None
    ) -> Answer:
        """Send a JSON document; any status comes back as an answer."""
        ...


class _Answered(msgspec.Struct, frozen=True):
    """What the holder answers to a query; new fields of later versions are ignored."""

    id: str
    state: RunState
    code: str = ""
    reason: str = ""


class _Released(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The message that brings a result."""

    request: str
    query: str
    agreement: str
    query_hash: str
    result_hash: str
    decision: str
    result: Result


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The message that ends a waiting query without a result."""

    request: str
    query: str
    agreement: str
    state: RunState
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reach:
    """How this node reaches others and keeps what they answer."""

    visits: Visits
    http: PeerPost
    keeper: Keeper


class QueryService:
    """Asks queries for the researchers of this node and keeps their answers."""

    def __init__(
        self, journal: Journal, clock: Clock, ids: Ids, *, agreements: Agreements, reach: Reach
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._agreements = agreements
        self._reach = reach

    def submit(self, agreement_id: str, query: Mapping[str, Any], *, by: Actor) -> Asked:
        """Ask a query under an agreement; a refusal comes back with its reason."""
        check_has_role(by, Role.RESEARCHER)
        typed = read_query(query)
        agreement = self._agreements.get_agreement(agreement_id)
        _check_usable(agreement)
        content = query_bytes(typed)
        asked = Asked(
            id=self._ids.new("ask"),
            agreement_id=agreement.id,
            dataset_id=agreement.dataset_id,
            provider=agreement.assigner,
            person_id=by.person_id,
            query=content.decode(),
            query_hash=sha256_hex(content),
            state=RunState.SUBMITTED,
            submitted_at=iso(self._clock.now()),
        )
        address = self._reach.visits.open_visit(agreement.id, by=by)
        why = {"query": asked.query_hash, "agreement": agreement.id}
        with self._journal.write(
            by=by.id, did="query.submitted", to=f"query:{asked.id}", why=why
        ) as tx:
            store.add_asked(tx.connection, asked)
        document = {"id": asked.id, "query": write_query(typed)}
        answer = self._reach.http.post(
            f"{address.endpoint}/queries",
            document,
            authorization=f"Bearer {address.token}",
            seconds=PATIENCE,
        )
        return self._taken_in(asked, answer)

    def columns_of(self, query: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        """Return every (table, column) a query names; raise QueryInvalidError where it is none."""
        return tuple(sorted(columns_of(read_query(query))))

    def withdraw(self, asked_id: str, *, by: Actor) -> Asked:
        """Take a query back while it waits for the holder's checker."""
        asked = self.get(asked_id, by=by)
        if asked.state is not RunState.AWAITING_CHECKER:
            raise QueryInvalidError(
                "Only a query that waits for a checker can be taken back.", code="not_waiting"
            )
        address = self._reach.visits.open_visit(asked.agreement_id, by=by)
        answer = self._reach.http.post(
            f"{address.endpoint}/queries/{asked.remote_id}/withdraw",
            {},
            authorization=f"Bearer {address.token}",
        )
        if not answer.is_ok:
            raise ProviderAnswerError(_problem(answer)[1], code=_problem(answer)[0])
        return self._taken_in(asked, answer)

    def list_mine(self, *, by: Actor) -> tuple[Asked, ...]:
        """Return the person's queries, newest first."""
        return self._journal.read(store.list_asked_by, by.person_id)

    def get(self, asked_id: str, *, by: Actor) -> Asked:
        """Return one of the person's queries."""
        asked = self._journal.read(store.get_asked, asked_id)
        if asked.person_id != by.person_id:
            raise QueryNotFoundError("There is no such query of yours.", query=asked_id)
        return asked

    def get_result(self, asked_id: str, *, by: Actor) -> Result:
        """Return the released result of one of the person's queries."""
        asked = self.get(asked_id, by=by)
        if asked.destroyed_at:
            raise QueryNotFoundError(
                "The result was destroyed when its agreement ended; the certificate says when.",
                code="result_destroyed",
            )
        if not asked.derived_id:
            raise QueryNotFoundError("This query has no result.", code="no_result")
        return read_result(self._reach.keeper.open_derived(asked.derived_id, by=by))

    def receive_query_released(self, sender: str, body: Mapping[str, Any]) -> None:
        """Take in a result from the node that holds the data; safe to receive twice."""
        message = _read(body, _Released)
        asked = self._journal.read(store.get_asked, message.request)
        _check_sender(asked, sender, message.agreement)
        if asked.state is RunState.RELEASED:
            return
        agreement = self._agreements.get_agreement(asked.agreement_id)
        if agreement.state is AgreementState.ENDED:
            self._close(asked, RunState.STOPPED, "query_stopped", "The agreement ended.")
            return
        content = result_bytes(message.result)
        if (message.query_hash, message.result_hash) != (asked.query_hash, sha256_hex(content)):
            raise QueryInvalidError(
                "The result does not belong to the query.", code="result_mismatch"
            )
        try:
            kept = self._reach.keeper.keep_derived(
                [content],
                source=asked.dataset_id,
                agreement_id=asked.agreement_id,
                provider=sender,
                kind="result",
                name=asked.id,
                by=node_actor(sender),
            )
        except WithheldError:  # it ended meanwhile
            self._close(asked, RunState.STOPPED, "query_stopped", "The agreement ended.")
            return
        answered = replace(
            asked,
            state=RunState.RELEASED,
            answered_at=iso(self._clock.now()),
            remote_id=message.query,
            result_hash=message.result_hash,
            derived_id=kept.id,
        )
        self._save(answered, by=f"node:{sender}", did="result.received")

    def receive_query_closed(self, sender: str, body: Mapping[str, Any]) -> None:
        """Take note that a waiting query will bring no result, and why."""
        message = _read(body, _Closed)
        asked = self._journal.read(store.get_asked, message.request)
        _check_sender(asked, sender, message.agreement)
        if asked.state in ANSWERED or message.state not in ANSWERED - {RunState.RELEASED}:
            return
        self._close(asked, message.state, message.code, message.reason, message.query)

    def on_agreement_ended(self, agreement: str) -> None:
        """Mark the results of an ended agreement as destroyed and close what still waited."""
        if self._agreements.get_agreement(agreement).role != "consumer":
            return
        for asked in self._journal.read(store.list_asked_under, agreement):
            if asked.state not in ANSWERED:
                self._close(asked, RunState.STOPPED, "query_stopped", "The agreement ended.")
            elif asked.derived_id and not asked.destroyed_at:
                gone = replace(asked, destroyed_at=iso(self._clock.now()), derived_id="")
                self._save(gone, by="system:lab", did="results.destroyed", expect={asked.state})

    def _taken_in(self, asked: Asked, answer: Answer) -> Asked:
        """Take in what the holder answers at once, unless its message was here sooner."""
        try:
            return self._answered(asked, answer)
        except AskedRacedError:
            with self._journal.upkeep() as tx:  # what came sooner may wait for its commit still
                return store.get_asked(tx.connection, asked.id)

    def _answered(self, asked: Asked, answer: Answer) -> Asked:
        if not answer.is_ok:
            code, reason = _problem(answer)
            return self._close(asked, RunState.REFUSED, code, reason)
        try:
            told = msgspec.convert(answer.body, _Answered)
        except msgspec.ValidationError:
            raise ProviderAnswerError(
                "The holder's answer cannot be read; the query stays submitted.",
                code="answer_unreadable",
            ) from None
        current = self._journal.read(store.get_asked, asked.id)
        if current.state in ANSWERED or told.state is RunState.RELEASED:
            return current  # the result comes, or came, by message
        if told.state in ANSWERED:
            return self._close(current, told.state, told.code, told.reason, told.id)
        waiting = replace(current, state=told.state, remote_id=told.id)
        return self._save(waiting, by=f"node:{asked.provider}", did="query.answered")

    def _close(
        self, asked: Asked, state: RunState, code: str, reason: str, remote_id: str = ""
    ) -> Asked:
        closed = replace(
            asked,
            state=state,
            answered_at=iso(self._clock.now()),
            remote_id=remote_id or asked.remote_id,
            reason_code=code[:100],
            reason=reason[:1000],
        )
        return self._save(closed, by=f"node:{asked.provider}", did="query.answered")

    def _save(
        self, asked: Asked, *, by: str, did: str, expect: Collection[RunState] = OPEN
    ) -> Asked:
        why = {
            "query": asked.query_hash,
            "agreement": asked.agreement_id,
            "state": asked.state.value,
            "reason": asked.reason_code,
            "result": asked.result_hash,
        }
        with self._journal.write(by=by, did=did, to=f"query:{asked.id}", why=why) as tx:
            store.save_asked(tx.connection, asked, expect=expect)
        return asked


def _check_usable(agreement: Agreement) -> None:
    if agreement.role != "consumer":
        raise QueryInvalidError(
            "A query needs an active agreement that this node is the consumer of.",
            code="agreement_unusable",
        )
    check_in_force(agreement)


def _check_sender(asked: Asked, sender: str, agreement_id: str) -> None:
    if (asked.provider, asked.agreement_id) != (sender, agreement_id):
        raise NotTheProviderError("Only the holder of the data answers a query.", code="sender")


def _read(body: Mapping[str, Any], kind: type[Any]) -> Any:
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as problem:
        raise QueryInvalidError(
            f"The message about a query does not fit: {problem}.", code="message_shape"
        ) from None


def _problem(answer: Answer) -> tuple[str, str]:
    body = answer.body if isinstance(answer.body, Mapping) else {}
    code, message = body.get("code"), body.get("message")
    return (
        code if isinstance(code, str) and code else f"http_{answer.status}",
        message if isinstance(message, str) and message else "The holder refused the query.",
    )
