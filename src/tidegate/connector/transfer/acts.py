"""The acts of a transfer on this side: begin, stop, go on; by people, scripts or the node."""

from dataclasses import replace

from tidegate.access.model import Actor, system_actor
from tidegate.connector.approvals.errors import ApprovalPendingError
from tidegate.connector.messages.model import Side
from tidegate.connector.transfer import store
from tidegate.connector.transfer.desk import Desk
from tidegate.connector.transfer.errors import TransferBusyError
from tidegate.connector.transfer.flows import Flows, moves_rows
from tidegate.connector.transfer.model import ScriptAct, Step, Transfer, TransferState
from tidegate.connector.transfer.outgoing import ACTOR, Outgoing, script_of
from tidegate.connector.transfer.rules import check_may_handle
from tidegate.connector.transfer.script import FOLLOWER, is_held_by_script, next_step, step_of
from tidegate.connector.transfer.visits import Visits
from tidegate.kernel.errors import TidegateError, UnavailableError


class Acts:
    """Takes this side's steps, each decided and in evidence before its message is queued."""

    def __init__(self, desk: Desk, outgoing: Outgoing, visits: Visits, flows: Flows) -> None:
        self._desk = desk
        self._outgoing = outgoing
        self._visits = visits
        self._flows = flows

    def stop(self, one: Transfer, step: Step, code: str, reason: str, by: Actor) -> Transfer:
        """Suspend, complete or terminate a transfer.

        Suspending what only this side's script holds takes the hold over: the peer knows of it.
        """
        if not by.is_system:
            check_may_handle(by, one, self._desk.did)
        takes_over = step is Step.SUSPEND and is_held_by_script(one) and not one.pending
        with self._desk.journal.write(
            by=by.id,
            did="transfer.decided",
            to=f"transfer:{one.pid}",
            why={"step": step.value, "state": one.state.value, "reason": code},
        ) as tx:
            changed = replace(one, reason_code=code, reason=reason[:1000], changed_by=by.id)
            if step is Step.SUSPEND:
                changed = replace(changed, held=one.side.value, held_by=by.id)
            if takes_over:
                return store.save_transfer(tx.connection, replace(changed, changed_at=tx.at))
            return self._outgoing.queue(tx, changed, step)

    def resume(self, one: Transfer, by: Actor) -> Transfer:
        """Let a transfer that this side held go on."""
        if one.held != one.side.value or one.state is not TransferState.SUSPENDED:
            raise TransferBusyError("This side does not hold the transfer.", code="not_held")
        self._visits.agreement_in_force(one)
        answer = self._flows.resume(one) if moves_rows(one) else None
        with self._desk.journal.write(
            by=by.id,
            did="transfer.decided",
            to=f"transfer:{one.pid}",
            why={"step": Step.START.value, "state": one.state.value},
        ) as tx:
            free = replace(one, held="", held_by="", reason_code="", reason="", changed_by=by.id)
            if answer is not None:
                return self._flows.queue_resumption(tx, free, answer)
            return self._outgoing.queue(tx, free, Step.START)

    def react(self, transfer: str) -> None:
        """Decide about a requested transfer, then start or refuse it."""
        one = self._desk.journal.read(store.get_transfer, transfer)
        if one.state is TransferState.REQUESTED and not one.pending and one.side is Side.PROVIDER:
            self._begin(one)

    def run_script(self, transfer: str, step: str) -> None:
        """Take the script's act with that number, if it is still due."""
        one = self._desk.journal.read(store.get_transfer, transfer)
        script = self._desk.journal.read(script_of, one)
        due = None if script is None else next_step(script, one)
        if due is None or one.pending or one.scripted != int(step):
            return
        by = system_actor(FOLLOWER)
        if due.act is ScriptAct.START:
            self._begin(one)
        elif due.act is ScriptAct.RESUME:
            self.resume(one, by)
        else:
            taken = step_of(due.act)
            self.stop(one, taken, due.code or f"scripted_{taken}", due.reason, by)

    def _begin(self, one: Transfer) -> None:
        try:
            if moves_rows(one):
                self._flows.begin(one)
                return
            permit = self._visits.admit(one)
        except ApprovalPendingError:
            return  # a person was asked; their answer has it decided again
        except UnavailableError:
            raise
        except TidegateError as problem:
            self.stop(one, Step.TERMINATE, problem.code, problem.message, system_actor("transfer"))
            return
        with self._desk.journal.write(
            by=ACTOR,
            did="transfer.decided",
            to=f"transfer:{one.pid}",
            why={"step": Step.START.value, "agreement": one.agreement_id, "permit": permit},
        ) as tx:
            self._outgoing.queue(tx, one, Step.START)
