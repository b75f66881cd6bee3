"""Approvals of rows: ask a person once, take the answer, take it back.

An approval counts for exactly what was asked: agreement and digest, version, recipient and seat,
rule pack and the rules that left it to a person. When any of these is another, it is asked anew.
"""

from collections.abc import Callable

from tidegate.access.model import Actor, Role, node_actor, system_actor
from tidegate.access.rules import check_has_role
from tidegate.audit.journal import Journal, Tx, Why
from tidegate.connector.approvals import rules, store
from tidegate.connector.approvals.errors import (
    ApprovalLapsedError,
    ApprovalPendingError,
    ApprovalRefusedError,
)
from tidegate.connector.approvals.machine import NODE, PERSON, Answer
from tidegate.connector.approvals.model import (
    Agreements,
    ApprovalState,
    Frame,
    RowsApproval,
    Standing,
)
from tidegate.kernel.errors import ConflictError
from tidegate.kernel.ids import Ids
from tidegate.policy.model import Agreement, AgreementState, Decision

READERS = (Role.LEGAL, Role.STEWARD, Role.COMMITTEE, Role.AUDITOR, Role.OPERATOR)
LAPSED = "What was asked about has changed: the rules, the recipient or the agreement."
_EVENTS = {
    Answer.APPROVE: "rows.approved",
    Answer.REFUSE: "rows.refused",
    Answer.WITHDRAW: "rows.withdrawn",
    Answer.LAPSE: "rows.lapsed",
}


class ApprovalService:
    """Asks legal officers about rows, and knows what they answered."""

    def __init__(
        self, journal: Journal, ids: Ids, *, agreements: Agreements, standing: Standing
    ) -> None:
        self._journal = journal
        self._ids = ids
        self._agreements = agreements
        self._standing = standing

    # --- what the crossing asks

    def check(self, agreement: Agreement, seat: str, decision: Decision, transfer: str) -> None:
        """Return where a person approved what this decision leaves to one; else raise.

        Raises ApprovalPendingError where nobody has answered (and asks, where nobody was asked),
        ApprovalRefusedError where the answer was no or was taken back.
        """
        frame = rules.frame_of(agreement, seat, decision.pack_hash)
        asked = rules.rules_of(decision)
        digest = rules.digest_of(frame, asked)
        known = self._journal.read(store.find_standing, digest)
        if known is None:
            known = self._ask(
                lambda at: RowsApproval(
                    id=self._ids.new("rap"),
                    digest=digest,
                    frame=frame,
                    rules=asked,
                    state=ApprovalState.ASKED,
                    dataset_id=agreement.dataset_id,
                    asked_at=at,
                    transfer=transfer,
                    receipt=decision.receipt_id,
                )
            )
        if known.state is ApprovalState.APPROVED:
            return
        named = ", ".join(one.rule for one in known.rules)
        if known.state is ApprovalState.ASKED:
            raise ApprovalPendingError(
                f"The rules leave these rows to a person ({named}); the holder's legal officer was"
                " asked and has not answered yet.",
                code="approval_pending",
                approval=known.id,
            )
        raise ApprovalRefusedError(
            f"The holder's legal officer lets no rows leave here ({named}): {known.reason}",
            code=f"approval_{known.state}",
            approval=known.id,
        )

    def _ask(self, make: Callable[[str], RowsApproval]) -> RowsApproval:
        new = make("")
        agreement_id = new.frame.agreement_id
        with self._journal.write(
            by=node_actor(new.frame.recipient).id,
            did="rows.asked",
            to=f"agreement:{agreement_id}",
            why=about(new),
        ) as tx:
            known = store.find_standing(tx.connection, new.digest)
            if known is not None:
                return known
            self._lapse_others(tx, new.frame)
            return store.put(tx.connection, make(tx.at), tx.at)

    def _lapse_others(self, tx: Tx, frame: Frame) -> None:
        """Let the questions lapse that were about another frame of the same agreement."""
        by = system_actor("approvals").id
        for one in store.list_standing(tx.connection, frame.agreement_id):
            if one.frame != frame:
                gone = rules.answered(one, Answer.LAPSE, LAPSED, by=NODE, person=by, at=tx.at)
                store.put(tx.connection, gone, tx.at)
                tx.note(did="rows.lapsed", to=f"agreement:{frame.agreement_id}", why=about(one))

    # --- people

    def list_approvals(
        self, *, agreement_id: str = "", state: str = "", by: Actor
    ) -> tuple[RowsApproval, ...]:
        """Return questions about rows and their answers, the oldest change first."""
        check_has_role(by, *READERS)
        return self._journal.read(store.list_of, agreement_id=agreement_id, state=state)

    def list_waiting(self) -> tuple[RowsApproval, ...]:
        """Return the questions that wait for an answer, of agreements in force."""
        found = self._journal.read(store.list_of, state=ApprovalState.ASKED.value)
        return tuple(one for one in found if self._in_force(one))

    def asked_since(self, agreement_id: str) -> str:
        """Return since when a question about an agreement's rows waits, or empty."""
        waiting = (one for one in self.list_waiting() if one.frame.agreement_id == agreement_id)
        return min((one.asked_at for one in waiting), default="")

    def get(self, approval_id: str, *, by: Actor) -> RowsApproval:
        """Return one question; raise ApprovalUnknownError."""
        check_has_role(by, *READERS)
        return self._journal.read(store.get, approval_id)

    def approve(self, approval_id: str, reason: str, *, by: Actor) -> RowsApproval:
        """Let exactly these rows leave; transfers that wait for it go on."""
        check_has_role(by, Role.LEGAL)
        one = self._journal.read(store.get, approval_id)
        if not self._in_force(one):
            raise ConflictError(
                "The agreement is not in force; there is nothing to approve.",
                code="agreement_not_active",
            )
        seat, pack = self._standing(one.frame.recipient)
        if (seat, pack) != (one.frame.seat, one.frame.pack_hash):
            self._answer(one, Answer.LAPSE, LAPSED, by=system_actor("approvals"), as_=NODE)
            raise ApprovalLapsedError(
                "The rules or the recipient's seat changed since this was asked; it is asked anew"
                " with what stands now. Look at the inbox.",
                code="approval_lapsed",
            )
        return self._answer(one, Answer.APPROVE, reason, by=by)

    def refuse(self, approval_id: str, reason: str, *, by: Actor) -> RowsApproval:
        """Let these rows stay; transfers that wait for it end with the reason."""
        check_has_role(by, Role.LEGAL)
        return self._answer(
            self._journal.read(store.get, approval_id), Answer.REFUSE, reason, by=by
        )

    def withdraw(self, approval_id: str, reason: str, *, by: Actor) -> RowsApproval:
        """Take an approval back; what runs under it stops at once."""
        check_has_role(by, Role.LEGAL)
        one = self._journal.read(store.get, approval_id)
        return self._answer(one, Answer.WITHDRAW, reason, by=by)

    def _answer(
        self, one: RowsApproval, answer: Answer, reason: str, *, by: Actor, as_: str = PERSON
    ) -> RowsApproval:
        rules.answered(one, answer, reason, by=as_, person=by.id, at="")
        with self._journal.write(
            by=by.id,
            did=_EVENTS[answer],
            to=f"agreement:{one.frame.agreement_id}",
            why={**about(one), "reason": reason.strip()},
        ) as tx:
            current = store.get(tx.connection, one.id)
            changed = rules.answered(current, answer, reason, by=as_, person=by.id, at=tx.at)
            tx.announce(_EVENTS[answer], agreement=one.frame.agreement_id)
            return store.put(tx.connection, changed, tx.at)

    def _in_force(self, one: RowsApproval) -> bool:
        found = self._agreements.find_agreement(one.frame.agreement_id)
        return found is not None and found.state is AgreementState.ACTIVE


def about(one: RowsApproval) -> Why:
    """Return what the evidence says of a question: exactly what its answer is bound to."""
    frame = one.frame
    return {
        "approval": one.id,
        "basis": one.digest,
        "digest": frame.agreement_digest,
        "version": frame.version_id,
        "recipient": frame.recipient,
        "seat": frame.seat,
        "pack": frame.pack_hash,
        "rules": [one.rule for one in one.rules],
    }
