"""Visits: the token that opens one, the address that leads to one, and renewing both."""

import threading

import msgspec
from sqlalchemy import Connection

from tidegate.audit.journal import Tx
from tidegate.connector.dataplane.tokens import PURPOSE, open_token, token_digest
from tidegate.connector.messages import store as messages
from tidegate.connector.messages.compose import Document, document
from tidegate.connector.messages.delivery import judge
from tidegate.connector.messages.errors import ProcessUnknownError
from tidegate.connector.messages.model import Side
from tidegate.connector.messages.read import hear
from tidegate.connector.messages.wire import DataAddress, TransferStartMessage
from tidegate.connector.model import Peer
from tidegate.connector.transfer import store
from tidegate.connector.transfer.address import grant, keep
from tidegate.connector.transfer.desk import Desk
from tidegate.connector.transfer.errors import (
    TransferRacedError,
    TransferRequestRefusedError,
    VisitPendingError,
    VisitRefusedError,
    VisitWithheldError,
)
from tidegate.connector.transfer.model import (
    Step,
    Transfer,
    TransferState,
    Visit,
    VisitAddress,
)
from tidegate.connector.transfer.outgoing import ACTOR
from tidegate.kernel.clock import iso, parse_iso
from tidegate.partners.model import PersonAssertion
from tidegate.policy.model import Agreement, AgreementState

_WAITING = {TransferState.INITIAL, TransferState.REQUESTED}


def _is_starting(conn: Connection, one: Transfer) -> bool:
    """Tell whether the start is said and its acknowledgement still on the way.

    A token leaves with the start alone, so the peer that shows one has heard it.
    """
    message = messages.find_message(conn, one.pending) if one.pending else None
    return message is not None and message.action == Step.START.value


def _check_goes_on(tx: Tx, one: Transfer) -> None:
    """Raise TransferRacedError where a visit is not what it was: its tokens have ended then."""
    if store.get_transfer(tx.connection, one.pid).revision != one.revision:
        raise TransferRacedError("The visit changed at the same moment; look at it again.")


def _no_visit() -> VisitRefusedError:
    return VisitRefusedError(
        "The token opens no visit, or no longer; while the agreement is in force,"
        " ask for the visit again.",
        code="visit_unknown",
    )


class Visits:
    """Opens and renews visits."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._renewing = threading.Lock()

    # --- provider

    def for_token(self, token: str) -> Visit:
        """Return the visit a token opens, checked now.

        Raises VisitWithheldError when its agreement is not active, which is the first reason of
        all; VisitRefusedError for a token that opens nothing (any more).
        """
        with self._desk.journal.reading() as conn:
            kept = store.find_token(conn, token_digest(token))
            if kept is None:
                raise _no_visit()
            one = store.get_transfer(conn, kept.transfer)
            is_started = one.state is TransferState.STARTED or _is_starting(conn, one)
        self.agreement_in_force(one)
        if kept.expires_at <= iso(self._desk.clock.now()):
            raise _no_visit()
        if one.side is not Side.PROVIDER or not is_started:
            raise VisitRefusedError(f"The visit is {one.state}.", code="visit_not_started")
        return Visit(
            transfer_pid=one.pid,
            agreement_id=one.agreement_id,
            dataset_id=one.dataset_id,
            version_id=one.version_id,
            peer_did=one.peer_did,
            person_ref=one.person_ref,
        )

    def is_running(self, tx: Tx, pid: str) -> bool:
        """Tell, inside the caller's write, whether a visit is neither over nor being stopped."""
        one = store.get_transfer(tx.connection, pid)
        is_going = one.state is TransferState.STARTED and not one.pending
        return is_going or _is_starting(tx.connection, one)

    def agreement_in_force(self, one: Transfer) -> Agreement:
        """Return the agreement of a transfer; raise VisitWithheldError unless it is active."""
        found = self._desk.agreements.find_agreement(one.agreement_id)
        if found is None or found.state is not AgreementState.ACTIVE:
            state = found.state.value if found else "unknown"
            why = f" ({found.ended_reason})" if found and found.ended_reason else ""
            raise VisitWithheldError(
                f"The agreement is {state}{why}; nothing is used under it.",
                code="agreement_not_active",
            )
        return found

    def admit(self, one: Transfer) -> str:
        """Ask the gate whether the person may come in now; return the permit that lets them."""
        agreement = self.agreement_in_force(one)
        said = msgspec.json.decode(one.gate, type=PersonAssertion)
        return self._desk.gatekeeper.admit(agreement, said)

    def renew_for(self, peer: Peer, pid: str) -> Document:
        """Give the peer a fresh token for a visit that still runs, after asking the gate again."""
        one = self._desk.journal.read(store.get_transfer, pid)
        if one.peer_did != peer.did or one.side is not Side.PROVIDER:
            raise ProcessUnknownError("There is no such transfer.", code="transfer_unknown")
        if one.state is not TransferState.STARTED or one.pending:
            raise TransferRequestRefusedError(
                f"The visit is {one.state}; there is nothing to renew.", code="visit_not_started"
            )
        permit = self.admit(one)
        with self._desk.journal.write(
            by=peer.as_actor().id,
            did="transfer.renewed",
            to=f"transfer:{pid}",
            why={"agreement": one.agreement_id, "permit": permit},
        ) as tx:
            _check_goes_on(tx, one)
            address = grant(self._desk, tx, one)
        return document(
            "TransferStartMessage",
            self._desk.ids.urn(),
            providerPid=one.provider_pid,
            consumerPid=one.consumer_pid,
            dataAddress=address,
        )

    # --- consumer

    def address(self, agreement_id: str, person_ref: str) -> VisitAddress:
        """Return where a person's visit is served and the token that opens it, fresh enough.

        Raises VisitPendingError until the provider started it, VisitWithheldError with the
        reason when it refused or stopped it, VisitRefusedError when none was asked for.
        """
        one = self._desk.journal.read(store.find_visit, agreement_id, person_ref)
        if one is None:
            raise VisitRefusedError("Ask for the visit first.", code="visit_unknown")
        if one.state in _WAITING:
            raise VisitPendingError("The provider has not started the visit yet; try again.")
        if one.state is not TransferState.STARTED:
            words = one.reason or "The provider gave no reason."
            raise VisitWithheldError(
                f"The visit is {one.state}: {words}", code=one.reason_code or "visit_stopped"
            )
        found = self._fresh(one) or self._renew(one)
        if found is None:
            raise VisitWithheldError("The visit's token ended; ask for the visit again.")
        return found

    def _fresh(self, one: Transfer) -> VisitAddress | None:
        kept = self._desk.journal.read(store.newest_token, one.pid)
        if kept is None:
            return None
        left = (parse_iso(kept.expires_at) - self._desk.clock.now()).total_seconds()
        if left <= self._desk.settings.renew_before_seconds:
            return None
        token = open_token(self._desk.keys.derive(PURPOSE), one.pid, kept.sealed)
        return VisitAddress(one.endpoint, token, kept.expires_at)

    def _renew(self, one: Transfer) -> VisitAddress | None:
        """Fetch a fresh token; of callers at once only one asks."""
        with self._renewing:
            found = self._fresh(one)
            if found is not None:
                return found
            answer = self._desk.wire.post(
                f"{one.peer_address}/transfers/{one.peer_pid}/renewal",
                {},
                authorization=self._desk.courier.token_for(one.peer_did),
            )
            end = judge(answer)
            if end.code == "unable":
                raise VisitPendingError(end.words, code="renewal_unable")
            if end.code:
                raise VisitWithheldError(end.words, code="renewal_refused")
            message = hear(end.body, TransferStartMessage).message
            if message.consumer_pid != one.pid or not isinstance(message.data_address, DataAddress):
                raise TransferRequestRefusedError("The provider renewed another visit.")
            with self._desk.journal.write(
                by=ACTOR,
                did="transfer.renewed",
                to=f"transfer:{one.pid}",
                why={"agreement": one.agreement_id},
            ) as tx:
                _check_goes_on(tx, one)
                keep(self._desk, tx, one, message.data_address)
            return self._fresh(one)
