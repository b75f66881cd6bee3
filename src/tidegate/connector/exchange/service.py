"""Send and receive signed peer messages: kept until delivered, taken in once, in order per peer.

A message is signed by its transport: each delivery carries a fresh self-issued ID token for the
receiver, and the receiver compares the message's sender with the DID the token proves.
"""

import threading
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any

from tidegate.audit.journal import Journal
from tidegate.connector.errors import (
    MessageDeclinedError,
    MessageInvalidError,
    PeerDeclinedError,
    PeerRefusedError,
)
from tidegate.connector.exchange import store
from tidegate.connector.exchange.messages import PeerMessage, read_message
from tidegate.connector.http.body import read_json
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity.service import IdentityService
from tidegate.db.outbox import lane_of
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.failpoint import failpoint

Receiver = Callable[[str, Mapping[str, Any]], None]
Revive = Callable[[str, Collection[str]], object]

_MAY_PASS = frozenset({401, 403, 404, 409})
_ABSENT = frozenset({"peer_unreachable", "peer_timeout", "peer_unable", "did_unreachable"})
"""The reasons for which a message was put aside that hold no more once the peer speaks."""

REMEMBERED_DAYS = 30


def _leave_waiting(_lane: str, _codes: Collection[str]) -> None:
    """Let the pauses between tries run their time."""


class ExchangeService:
    """The messages between nodes; `receivers` says who takes in which kind."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        identity: IdentityService,
        http: PeerHttp,
        receivers: Mapping[str, Receiver],
        revive: Revive = _leave_waiting,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._identity = identity
        self._http = http
        self._receivers = receivers
        self._revive = revive
        self._waited_for: set[str] = set()
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def deliver(self, id: str, to: str, kind: str, body: str) -> None:  # noqa: A002 - the payload's name
        """Deliver one message; the work room's handler `peer.send`.

        Raises:
            UnavailableError: the peer cannot be reached now; the work room tries again.
            PeerDeclinedError: the peer refuses; the task is parked with the peer's reason.
        """
        self._waited_for.add(to)
        try:
            self._deliver(id, to, kind, body)
        except TidegateError:
            self._waited_for.add(to)  # again: it may have spoken while it was tried
            raise
        self._waited_for.discard(to)

    def _deliver(self, name: str, to: str, kind: str, body: str) -> None:
        message = PeerMessage(
            id=name,
            kind=kind,
            sender=self._identity.node.did,
            to=to,
            at=iso(self._clock.now()),
            body=_object(body),
        )
        answer = self._http.post(
            f"{self._identity.address_of(to)}/peer/messages",
            message,
            authorization=self._identity.token_for(to),
        )
        if not answer.is_ok and not answer.is_transient and 400 <= answer.status < 500:
            refusal = MessageDeclinedError if answer.status in _MAY_PASS else PeerDeclinedError
            raise refusal(
                f"{to} refuses the message {kind}: {answer.reason or 'no reason given'} "
                "Settle it with its operator, then retry or discard.",
                code="message_declined",
                status=str(answer.status),
                peer=to,
            )
        answer.checked()

    def heard_from(self, did: str) -> None:
        """Deliver now what waits for a peer: it speaks, so it can be reached again."""
        if did in self._waited_for:
            self._waited_for.discard(did)
            self._revive(lane_of("peer", did), _ABSENT)

    def receive(self, authorization: str | None, body: object) -> None:
        """Take in one message; return once its receiver has committed.

        A message received before is confirmed again and changes nothing.

        Raises:
            PeerUnauthenticatedError, PeerRefusedError: the sender is no member.
            MessageInvalidError: malformed, or of a kind nobody takes in here.
        """
        peer = self._identity.authenticate(authorization)
        message = read_message(body)
        if message.sender != peer.did or message.to != self._identity.node.did:
            raise PeerRefusedError(
                "The message is from somebody else, or for somebody else.",
                code="sender_mismatch",
            )
        receiver = self._receivers.get(message.kind)
        if receiver is None:
            raise MessageInvalidError(
                f"Messages of kind {message.kind!r} are not taken in here; update the node.",
                code="kind_unknown",
            )
        with self._one_at_a_time(peer.did):
            if self._journal.read(store.was_received, peer.did, message.id):
                return
            receiver(peer.did, message.body)
            failpoint("exchange.before_remembered")
            with self._journal.upkeep() as tx:
                store.remember_received(tx.connection, peer.did, message.id, tx.at)

    def purge(self) -> int:
        """Forget the ids of messages received a month ago; return how many."""
        before = iso(self._clock.now() - timedelta(days=REMEMBERED_DAYS))
        with self._journal.upkeep() as tx:
            return store.purge_received(tx.connection, before)

    def _one_at_a_time(self, did: str) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(did, threading.Lock())


def _object(text: str) -> dict[str, Any]:
    found = read_json(text.encode())
    if not isinstance(found, dict):
        raise MessageInvalidError("The body of a peer message is an object.")
    return found
