"""How processes stand, for pages and programs, and the two things that help a stuck one on."""

import contextlib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import quote

from tidegate.access.model import Actor, Role
from tidegate.access.rules import check_has_role
from tidegate.audit.journal import Journal
from tidegate.audit.model import LeafView
from tidegate.connector.errors import PeerUnreachableError
from tidegate.connector.http.model import Answer
from tidegate.connector.messages import store as messages
from tidegate.connector.messages.delivery import Credentials, Wire, refusal_of
from tidegate.connector.messages.model import MessageRecord, Side
from tidegate.connector.negotiation.model import Negotiation
from tidegate.connector.progress.errors import NothingWaitsError
from tidegate.connector.progress.model import Kind, Moment, PeerSays, Process, Standing, Try
from tidegate.connector.progress.rules import is_peers_turn, process_of, standing, timeline
from tidegate.connector.transfer.model import VISIT_FORMAT, Transfer, TransferState
from tidegate.kernel.clock import Clock, parse_iso
from tidegate.kernel.errors import TidegateError, UnavailableError
from tidegate.kernel.values import dataclass
from tidegate.work.service import WorkService

HELPERS = (Role.STEWARD, Role.LEGAL, Role.COMMITTEE, Role.OPERATOR)
_PLACES = {Kind.NEGOTIATION: "negotiations", Kind.TRANSFER: "transfers"}
_ASK_SECONDS = 5.0
INQUIRE_AFTER_SECONDS = 60.0
INQUIRE_AFTER_MISSES = 3
NOT_FOUND = 404

_ERRORS = ("ContractNegotiationError", "TransferError")  # however their names are prefixed

Either = Negotiation | Transfer


class Leaves(Protocol):
    """Where the evidence of a subject is read."""

    def timeline(self, *subjects: str) -> tuple[LeafView, ...]:
        """Return the leaves about these subjects, oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class Rooms:
    """What the rooms of the processes tell and take.

    `listed` gives the open ones, `forget` ends one whose peer knows nothing of it, and `misses`
    tells how often in a row the rows of a running transfer did not move. `asked_since` tells since
    when a person has been asked about the rows of an agreement, or is empty.
    """

    listed: Callable[[], Iterable[Either]]
    forget: Callable[[Either, str], object]
    misses: Callable[[str], int]
    asked_since: Callable[[str], str]


class ProgressService:
    """Tells how negotiations and transfers stand on both sides."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        *,
        work: WorkService,
        evidence: Leaves,
        wire: Wire,
        credentials: Credentials,
        rooms: Rooms,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._work = work
        self._evidence = evidence
        self._wire = wire
        self._credentials = credentials
        self._rooms = rooms

    def standing(self, one: Either) -> Standing:
        """Tell how a process stands now: what keeps it from going on, if anything does."""
        process = process_of(one)
        asks = (
            isinstance(one, Transfer) and one.side is Side.PROVIDER and one.format != VISIT_FORMAT
        )
        return standing(
            process,
            self._pending(process),
            self._work.list_lane(one.pid),
            self._clock.now(),
            asked_since=self._rooms.asked_since(one.agreement_id) if asks else "",
        )

    def timeline(self, one: Either) -> tuple[Moment, ...]:
        """Return every message of a process and every act on it here, oldest first."""
        process = process_of(one)
        tries: dict[str, list[Try]] = {}
        for row in self._journal.read(messages.list_attempts, one.pid):
            tries.setdefault(row.message, []).append(Try(row.number, row.at, row.code, row.words))
        leaves = self._evidence.timeline(process.subject)
        return timeline(process, self._journal.read(messages.list_messages, one.pid), tries, leaves)

    def list_stuck(self) -> tuple[Standing, ...]:
        """Return how every open process stands that does not go on by itself, oldest first."""
        found = (self.standing(one) for one in self._rooms.listed())
        stuck = (one for one in found if one.is_stuck)
        return tuple(sorted(stuck, key=lambda one: one.obstacles[0].since))

    def retry_now(self, one: Either, *, by: Actor) -> int:
        """Send what waits to be sent at once instead of later; return how much that was.

        Raises NothingWaitsError where nothing waits, RoleMissingError.
        """
        check_has_role(by, *HELPERS)
        hastened = self._work.hasten(one.pid, about=process_of(one).subject, by=by)
        if not hastened:
            raise NothingWaitsError(
                "No message of this process waits to be sent; reload the page to see how it"
                " stands.",
                code="nothing_waits",
            )
        return hastened

    def ask_peer(self, one: Either, *, by: Actor) -> PeerSays:
        """Ask the peer how the process stands at its side (DSP 2025-1, GET of a process).

        Raises PeerUnreachableError where it does not answer, RoleMissingError.
        """
        check_has_role(by, *HELPERS)
        if not one.peer_pid:
            raise NothingWaitsError(
                "The peer has not answered yet, so it cannot be asked about this process.",
                code="peer_pid_unknown",
            )
        return self._ask(one)

    def inquire(self, after_seconds: float = INQUIRE_AFTER_SECONDS) -> int:
        """Ask every peer that owes the next word for so long, or whose rows do not come.

        A peer that lost its memory never speaks again: where it answers that it knows no such
        process, the process ends here with that reason. One that cannot be reached is asked later.
        Returns how many processes ended.
        """
        due, ended = self._clock.now() - timedelta(seconds=after_seconds), 0
        for one in tuple(self._rooms.listed()):
            if not one.peer_pid or not self._is_doubtful(one, due):
                continue
            with contextlib.suppress(UnavailableError):
                says = self._ask(one)
                if says.is_forgotten:
                    self._rooms.forget(one, f"The peer no longer knows this process. {says.words}")
                    ended += 1
        return ended

    def _is_doubtful(self, one: Either, due: datetime) -> bool:
        process = process_of(one)
        if is_peers_turn(process):
            return parse_iso(one.changed_at) <= due
        is_running = process.state == TransferState.STARTED and not process.pending
        return is_running and self._rooms.misses(one.pid) >= INQUIRE_AFTER_MISSES

    def _ask(self, one: Either) -> PeerSays:
        process = process_of(one)
        place = f"{one.peer_address}/{_PLACES[process.kind]}/{quote(one.peer_pid, safe=':')}"
        try:
            answer = self._wire.get(
                place,
                authorization=self._credentials.token_for(one.peer_did),
                seconds=_ASK_SECONDS,
            )
        except PeerUnreachableError:
            raise
        except TidegateError as problem:
            return PeerSays("", problem.message, agrees=False)
        body = answer.body if isinstance(answer.body, dict) else {}
        state = body.get("state")
        if not answer.is_ok or not isinstance(state, str):
            told = refusal_of(answer.body) or answer.reason or f"HTTP {answer.status}"
            return PeerSays("", told, agrees=False, is_forgotten=_is_forgotten(answer))
        return PeerSays(state[:40], "", agrees=state == one.wire_state)

    def _pending(self, process: Process) -> tuple[MessageRecord, ...]:
        if not process.pending:
            return ()
        found = self._journal.read(messages.find_message, process.pending)
        return (found,) if found is not None else ()


def _is_forgotten(answer: Answer) -> bool:
    """Whether the peer's connector says, in the protocol's own words, that it knows none.

    A bare 404 may come from what stands where the connector will be when it has started
    (DSP 2025-1, HTTPS bindings: a process that is not found is answered 404 with a typed error).
    """
    kind = answer.body.get("@type") if isinstance(answer.body, dict) else None
    return answer.status == NOT_FOUND and isinstance(kind, str) and kind.endswith(_ERRORS)
