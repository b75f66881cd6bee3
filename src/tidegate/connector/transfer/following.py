"""What transfers do because something else happened: an agreement, a gate, a person changed."""

from tidegate.access.model import system_actor
from tidegate.connector.messages.model import Side
from tidegate.connector.transfer import store
from tidegate.connector.transfer.acts import Acts
from tidegate.connector.transfer.desk import Desk
from tidegate.connector.transfer.flows import Flows, moves_rows
from tidegate.connector.transfer.model import Step, Transfer, TransferState
from tidegate.connector.transfer.outgoing import Outgoing, is_over
from tidegate.connector.transfer.script import is_held_by_script
from tidegate.connector.transfer.visits import Visits
from tidegate.kernel.errors import TidegateError, UnavailableError
from tidegate.policy.model import AgreementState

AGREEMENT_SUSPENDED = "agreement_suspended"
AGREEMENT_ENDED = "agreement_ended"
PERSON_DISABLED = "person_disabled"
VERSION_CLOSED = "version_closed"
APPROVAL_WITHDRAWN = "approval_withdrawn"


class Following:
    """Holds, resumes and ends transfers as facts ask for it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._outgoing = Outgoing(desk)
        self._visits = Visits(desk)
        self._flows = Flows(desk, self._outgoing)
        self._acts = Acts(desk, self._outgoing, self._visits, self._flows)

    def on_agreement_suspended(self, agreement: str) -> None:
        """Hold every started transfer of an agreement (fact `agreement.suspended`).

        What a script holds is held by the agreement from now on, so no script lets it go on.
        """
        for one in self._desk.journal.read(store.list_open, agreement):
            if self._outgoing.is_ending(one):
                continue
            if one.state is TransferState.STARTED or (is_held_by_script(one) and not one.pending):
                self._acts.stop(
                    one,
                    Step.SUSPEND,
                    AGREEMENT_SUSPENDED,
                    "The agreement is suspended.",
                    system_actor("transfer"),
                )

    def on_agreement_resumed(self, agreement: str) -> None:
        """Let go on what the agreement's suspension held (fact `agreement.resumed`)."""
        for one in self._desk.journal.read(store.list_open, agreement):
            ours = one.held == one.side.value and one.reason_code == AGREEMENT_SUSPENDED
            if ours and one.state is TransferState.SUSPENDED and not one.pending:
                self._acts.resume(one, system_actor("transfer"))

    def on_gate_moved(self) -> int:
        """End the visits whose gate does not open any more; return how many.

        Called when a permit, a training, a partnership, a project or a membership ended, and
        every minute for what ends by the clock.
        """
        ended = 0
        for one in self._desk.journal.read(store.list_unfinished, Side.PROVIDER):
            refusal = self._refusal(one)
            if refusal is not None:
                self._acts.stop(
                    one, Step.TERMINATE, refusal.code, refusal.message, system_actor("transfer")
                )
                ended += 1
        return ended

    def on_rows_answered(self, agreement: str) -> None:
        """Decide again about requests for rows that waited for a person's answer."""
        for one in self._rows_provided(agreement):
            if one.state is TransferState.REQUESTED:
                self._acts.react(one.pid)

    def on_rows_withdrawn(self, agreement: str) -> None:
        """End the transfers of rows that a person's approval let leave (fact `rows.withdrawn`)."""
        for one in self._rows_provided(agreement):
            if one.state is TransferState.REQUESTED and not one.pending:
                self._acts.react(one.pid)
            elif not self._outgoing.is_ending(one):
                self._acts.stop(
                    one,
                    Step.TERMINATE,
                    APPROVAL_WITHDRAWN,
                    "The holder withdrew its approval of these rows.",
                    system_actor("transfer"),
                )

    def _rows_provided(self, agreement: str) -> tuple[Transfer, ...]:
        found = self._desk.journal.read(store.list_open, agreement)
        return tuple(one for one in found if one.side is Side.PROVIDER and moves_rows(one))

    def on_person_disabled(self, person: str, ref: str) -> None:
        """End the visits of a person who may not act for this institution any more."""
        del person
        for one in self._desk.journal.read(store.list_unfinished, Side.CONSUMER):
            if one.person_ref == ref and not self._outgoing.is_ending(one):
                self._acts.stop(
                    one,
                    Step.TERMINATE,
                    PERSON_DISABLED,
                    "The person may not act for the institution any more.",
                    system_actor("transfer"),
                )

    def _refusal(self, one: Transfer) -> TidegateError | None:
        """Return the gate's first reason against a visit that was let in, or None."""
        was_let_in = one.state is not TransferState.REQUESTED or one.pending
        agreement = self._desk.agreements.find_agreement(one.agreement_id)
        is_active = agreement is not None and agreement.state is AgreementState.ACTIVE
        if not was_let_in or not is_active or self._outgoing.is_ending(one):
            return None
        try:
            if moves_rows(one):
                self._flows.check_open(one)
            else:
                self._visits.admit(one)
        except UnavailableError:
            raise
        except TidegateError as problem:
            return problem
        return None

    def on_agreement_ended(self, agreement: str) -> None:
        """Terminate every transfer of an agreement (fact `agreement.ended`)."""
        for one in self._desk.journal.read(store.list_open, agreement):
            if not is_over(one) and one.reason_code != AGREEMENT_ENDED:
                self._acts.stop(
                    one,
                    Step.TERMINATE,
                    AGREEMENT_ENDED,
                    "The agreement has ended.",
                    system_actor("transfer"),
                )

    def on_version_closed(self, version: str) -> None:
        """End the transfers of rows from a version that is not open any more."""
        for one in self._desk.journal.read(store.list_unfinished, Side.PROVIDER):
            if one.version_id == version and moves_rows(one) and not self._outgoing.is_ending(one):
                self._acts.stop(
                    one,
                    Step.TERMINATE,
                    VERSION_CLOSED,
                    "The version is not open any more.",
                    system_actor("transfer"),
                )
