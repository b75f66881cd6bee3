"""What a question about rows is made of. Pure."""

from dataclasses import astuple, replace

from tidegate.connector.approvals.errors import ApprovalReasonError
from tidegate.connector.approvals.machine import APPROVAL, Answer
from tidegate.connector.approvals.model import Frame, RowsApproval, RuleAsked
from tidegate.kernel.canonical import Json, canonical_json, sha256_hex
from tidegate.policy.model import Agreement, Decision, Outcome

LONGEST_REASON = 1000


def frame_of(agreement: Agreement, seat: str, pack_hash: str) -> Frame:
    """Return what a question about an agreement's rows is about."""
    return Frame(
        agreement.id, agreement.digest, agreement.version_id, agreement.assignee, seat, pack_hash
    )


def rules_of(decision: Decision) -> tuple[RuleAsked, ...]:
    """Return the rules of a decision that ask for a person, by name."""
    found = (one for one in decision.findings if one.outcome is not Outcome.ALLOW)
    asked = (RuleAsked(one.rule, one.title, one.source, one.missing or "") for one in found)
    return tuple(sorted(asked, key=lambda one: (one.rule, one.missing)))


def digest_of(frame: Frame, rules: tuple[RuleAsked, ...]) -> str:
    """Return the hash that names a question: its frame, and the rules that ask."""
    named: list[Json] = [[one.rule, one.missing] for one in rules]
    return sha256_hex(canonical_json([list(astuple(frame)), named]))


def answered(
    one: RowsApproval, answer: Answer, reason: str, *, by: str, person: str, at: str
) -> RowsApproval:
    """Return a question with its answer; raise IllegalMoveError or ApprovalReasonError."""
    move = APPROVAL.step(one.state, answer.value, by=by)
    said = reason.strip()
    if not said or len(said) > LONGEST_REASON:
        raise ApprovalReasonError(
            f"Say in 1 to {LONGEST_REASON} characters on what ground.", code="reason"
        )
    return replace(one, state=move.target, answered_by=person, answered_at=at, reason=said)
