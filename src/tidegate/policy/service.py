"""Agreements: record them, check every use against them, suspend, resume and end them.

Other rooms take the policy language from here too (the names in `__all__`).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidegate.access.model import Actor
from tidegate.audit.journal import Journal, Tx
from tidegate.kernel.clock import Clock, iso, parse_iso
from tidegate.kernel.errors import ConflictError
from tidegate.policy import rules, store
from tidegate.policy.constraints import (
    Refusal,
    audience_of,
    check_constraints,
    check_recipient,
    delete_within_days,
    ends_at,
    max_uses,
    minimum_cell,
    policy_purposes,
)
from tidegate.policy.differences import Difference, Effect, differences
from tidegate.policy.duo import PURPOSES, Purpose, covered_by, covers, find_purpose, get_purpose
from tidegate.policy.editing import PolicyFields, RuleFields, fields_of, with_fields
from tidegate.policy.errors import (
    AgreementChangeRefusedError,
    AgreementCorruptError,
    AgreementExistsError,
    PolicyInvalidError,
    UseWithheldError,
)
from tidegate.policy.model import Agreement, AgreementState, UseFacts
from tidegate.policy.odrl import (
    AgreementTerms,
    OfferTerms,
    agreement_digest,
    from_odrl,
    read_agreement,
    read_offer,
    seal,
    to_agreement,
    to_message_offer,
    to_offer,
)
from tidegate.policy.rows import rows_refusal
from tidegate.policy.rules import check_in_force
from tidegate.policy.sentences import Sentence, sentences
from tidegate.policy.soundness import (
    Promise,
    attested,
    check_attested_accepted,
    check_enforceable,
    conflicts,
    promises,
    unenforceable,
)
from tidegate.policy.values import IN_PLACE, REVIEWED_FLOWS
from tidegate.policy.vocabulary import ACTS, CONSTRAINTS, ResearchTerms, research_policy

__all__ = [
    "ACTS",
    "CONSTRAINTS",
    "IN_PLACE",
    "PURPOSES",
    "REVIEWED_FLOWS",
    "AgreementTerms",
    "Difference",
    "Effect",
    "OfferTerms",
    "PolicyFields",
    "PolicyService",
    "Promise",
    "Purpose",
    "Refusal",
    "ResearchTerms",
    "RuleFields",
    "Sentence",
    "agreement_digest",
    "attested",
    "audience_of",
    "check_attested_accepted",
    "check_constraints",
    "check_enforceable",
    "check_in_force",
    "check_recipient",
    "conflicts",
    "covered_by",
    "covers",
    "delete_within_days",
    "differences",
    "ends_at",
    "fields_of",
    "find_purpose",
    "from_odrl",
    "get_purpose",
    "max_uses",
    "minimum_cell",
    "policy_purposes",
    "promises",
    "read_agreement",
    "read_offer",
    "research_policy",
    "rows_refusal",
    "seal",
    "sentences",
    "to_agreement",
    "to_message_offer",
    "to_offer",
    "unenforceable",
    "with_fields",
]


class PolicyService:
    """What two participants agreed, and whether a use stays inside it."""

    def __init__(self, journal: Journal, clock: Clock, *, self_did: str) -> None:
        self._journal = journal
        self._clock = clock
        self._self_did = self_did

    def record_agreement(self, tx: Tx, agreement: Agreement) -> Agreement:
        """Record a signed agreement in the caller's write and open its usage ledger.

        Recording the same agreement twice changes nothing. Raises where the policy cannot be kept,
        the digest is not that of the words, or another agreement has the id.
        """
        check_enforceable(agreement.policy)
        if self._self_did not in (agreement.assigner, agreement.assignee):
            raise AgreementChangeRefusedError("This node is no party of the agreement.")
        sealed = seal(agreement)
        if agreement.digest not in ("", sealed.digest):
            raise AgreementCorruptError("The agreement's digest is not that of its words.")
        known = store.find_agreement(tx.connection, agreement.id)
        if known is not None:
            if known.digest != sealed.digest:
                raise AgreementExistsError("Another agreement has this id already.")
            return known
        codes = (get_purpose(iri).code for iri in policy_purposes(agreement.policy))
        sealed = replace(sealed, purposes=agreement.purposes or tuple(dict.fromkeys(codes)))
        end = ends_at(agreement.policy)
        store.add_agreement(
            tx.connection, sealed, ends_at=iso(parse_iso(end)) if end is not None else None
        )
        store.open_ledger(tx.connection, sealed.id, allowed=max_uses(sealed.policy))
        tx.note(
            did="agreement.signed",
            to=f"agreement:{sealed.id}",
            why={
                "digest": sealed.digest,
                "policy": sealed.policy.digest,
                "dataset": sealed.dataset_id,
                "assigner": sealed.assigner,
                "assignee": sealed.assignee,
            },
        )
        tx.announce("agreement.signed", agreement=sealed.id)
        return sealed

    def get_agreement(self, agreement_id: str) -> Agreement:
        """Return an agreement; raise AgreementNotFoundError if there is none."""
        return self._journal.read(store.get_agreement, agreement_id)

    def find_agreement(self, agreement_id: str) -> Agreement | None:
        """Return an agreement, or None."""
        return self._journal.read(store.find_agreement, agreement_id)

    def list_agreements(self, *, dataset_id: str = "") -> tuple[Agreement, ...]:
        """Return all agreements, or those about one dataset, oldest first."""
        return self._journal.read(store.list_agreements, dataset_id=dataset_id)

    def uses_so_far(self, agreement_id: str) -> int:
        """Return how many uses of an agreement were counted."""
        return self._journal.read(store.uses_so_far, agreement_id)

    def check_use(self, agreement: Agreement, facts: UseFacts) -> None:
        """Raise UseWithheldError with the first reason unless this use is inside the agreement.

        Reads the agreement afresh, verifies its digest, and takes the time and the uses so far
        from here when `facts` leave them out.
        """
        with self._journal.reading() as conn:
            current = store.get_agreement(conn, agreement.id)
            used = store.uses_so_far(conn, agreement.id)
        rules.check_performs(current, facts)
        whole = replace(
            facts,
            at=facts.at or iso(self._clock.now()),
            uses_so_far=used if facts.uses_so_far is None else facts.uses_so_far,
        )
        refusal = check_constraints(current.policy, whole)
        if refusal is not None:
            raise refusal.as_error()

    def check_still_in_force(self, tx: Tx, agreement_id: str) -> None:
        """Raise, inside the caller's write, unless the agreement is active.

        For what takes a while between its check and its end: no end of the agreement comes between.
        """
        check_in_force(store.get_agreement(tx.connection, agreement_id))

    def check_not_ended(self, tx: Tx, agreement_id: str) -> None:
        """Raise, inside the caller's write, where the agreement is one of this node's and ended.

        A control plane elsewhere keeps agreements of its own, which this node cannot judge.
        """
        found = store.find_agreement(tx.connection, agreement_id)
        if found is not None and found.state is AgreementState.ENDED:
            check_in_force(found)

    def count_use(self, tx: Tx, agreement_id: str) -> int:
        """Count one use in the caller's write; return its number.

        One conditional update: raises UseWithheldError, and counts nothing, once the uses are
        spent or the agreement is not active. Refused uses never burn the quota.
        """
        number = store.count_use(tx.connection, agreement_id)
        if number is None:
            store.get_agreement(tx.connection, agreement_id)
            raise UseWithheldError(
                "The agreement is not active any more, or all its uses are spent.",
                code="uses_spent",
                agreement=agreement_id,
            )
        tx.note(did="agreement.use_counted", to=f"agreement:{agreement_id}", why={"number": number})
        return number

    def suspend_agreement(self, agreement_id: str, reason: str, *, by: Actor) -> Agreement:
        """Stop all use for now and tell the other side; this side can resume it."""
        return self._change(agreement_id, "suspend", reason, by=by)

    def resume_agreement(self, agreement_id: str, reason: str, *, by: Actor) -> Agreement:
        """Lift this side's suspension and tell the other side."""
        return self._change(agreement_id, "resume", reason, by=by)

    def end_agreement(self, agreement_id: str, reason: str, *, by: Actor) -> Agreement:
        """End the agreement for good and tell the other side; access stops with this write."""
        return self._change(agreement_id, "end", reason, by=by)

    def receive_agreement_change(self, sender: str, body: Mapping[str, Any]) -> None:
        """Take over what the other side did to an agreement.

        Only the counterparty may say so. A change that already holds, or comes after the end,
        changes nothing: messages may arrive twice.
        """
        agreement_id, action, reason = _read_change(body)
        agreement = self.get_agreement(agreement_id)
        if sender != agreement.counterparty:
            raise AgreementChangeRefusedError(
                "Only the other side of an agreement can change it by message.",
                code="not_counterparty",
            )
        if _already(agreement, action, sender):
            return
        self._write(agreement, action, reason, side=sender, by=f"node:{sender}", tell=False)

    def end_expired(self) -> int:
        """End every agreement whose time is over; return how many."""
        expired = self._journal.read(store.list_expired, iso(self._clock.now()))
        for agreement_id in expired:
            self._write(
                self.get_agreement(agreement_id),
                "end",
                "expired",
                side=rules.CLOCK,
                by="system:end_expired",
                tell=False,
            )
        return len(expired)

    def list_deletions_due(self) -> tuple[Agreement, ...]:
        """Return the ended agreements on our data whose agreed days of deletion are over."""
        now = self._clock.now()
        ours = [one for one in self.list_agreements() if one.role == "provider"]
        due = [(one, rules.deletion_due_at(one)) for one in ours]
        return tuple(one for one, at in due if at is not None and at < now)

    def note_deletion_overdue(self, agreement: Agreement) -> None:
        """Put into evidence that no certificate of destruction came in the agreed days."""
        self._journal.note(
            by="system:policy.deletions",
            did="agreement.deletion_overdue",
            to=f"agreement:{agreement.id}",
            why={"peer": agreement.assignee, "days": delete_within_days(agreement.policy) or 0},
        )

    def _change(self, agreement_id: str, action: str, reason: str, *, by: Actor) -> Agreement:
        rules.check_may_change(by)
        if not reason.strip() or len(reason) > 1000:
            raise PolicyInvalidError("Say the reason in 1 to 1000 characters.", code="reason")
        agreement = self.get_agreement(agreement_id)
        return self._write(agreement, action, reason, side=self._self_did, by=by.id, tell=True)

    def _write(
        self, agreement: Agreement, action: str, reason: str, *, side: str, by: str, tell: bool
    ) -> Agreement:
        at = iso(self._clock.now())
        changed = rules.change(agreement, action, side=side, reason=reason, at=at)
        fact = f"agreement.{rules.FACTS[action]}"
        subject = f"agreement:{agreement.id}"
        with self._journal.write(by=by, did=fact, to=subject, why={"reason": reason}) as tx:
            if not store.save_state(tx.connection, changed, by=by, expect=agreement):
                raise ConflictError(
                    "The agreement was changed at the same moment; look at it and try again.",
                    code="agreement_changed",
                )
            tx.announce(fact, agreement=agreement.id)
            if tell:
                message = {
                    "agreement": agreement.id,
                    "change": rules.FACTS[action],
                    "reason": reason,
                    "at": at,
                }
                tx.send(to=agreement.counterparty, kind=fact, body=message)
        return changed


def _read_change(body: Mapping[str, Any]) -> tuple[str, str, str]:
    """Read a message about an agreement: exactly four texts, a known change."""
    if set(body) != {"agreement", "change", "reason", "at"} or not all(
        isinstance(text, str) and 0 < len(text) <= 1000 for text in body.values()
    ):
        raise PolicyInvalidError("A change of an agreement has four texts.", code="change_shape")
    action = rules.ACTIONS.get(body["change"])
    if action is None:
        raise PolicyInvalidError("This change of an agreement is unknown.", code="change_unknown")
    parse_iso(body["at"])
    return body["agreement"], action, body["reason"]


def _already(agreement: Agreement, action: str, side: str) -> bool:
    if agreement.state is AgreementState.ENDED:
        return True
    if action == "end":
        return False
    return (side in agreement.suspended_by) is (action == "suspend")
