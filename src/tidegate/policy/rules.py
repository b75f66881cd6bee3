"""The life of an agreement after signing: a table of moves, and who may ask for which."""

from dataclasses import replace
from datetime import datetime, timedelta

from tidegate.access.model import Actor, Role
from tidegate.access.rules import check_has_role
from tidegate.kernel.clock import parse_iso
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.machine import Machine, Move
from tidegate.policy.constraints import delete_within_days
from tidegate.policy.errors import (
    AgreementChangeRefusedError,
    AgreementCorruptError,
    UseWithheldError,
)
from tidegate.policy.model import Agreement, AgreementState, UseFacts
from tidegate.policy.odrl import agreement_digest

SIDE = "side"  # either party of the agreement
CLOCK = "clock"  # its time is over

_ACTIVE, _SUSPENDED, _ENDED = AgreementState

AGREEMENT_LIFE: Machine[AgreementState] = Machine(
    name="agreement",
    start=_ACTIVE,
    moves=(
        Move("suspend", _ACTIVE, _SUSPENDED, SIDE),
        Move("suspend", _SUSPENDED, _SUSPENDED, SIDE),
        Move("resume", _SUSPENDED, _ACTIVE, SIDE),
        Move("end", _ACTIVE, _ENDED, SIDE),
        Move("end", _SUSPENDED, _ENDED, SIDE),
        Move("end", _ACTIVE, _ENDED, CLOCK),
        Move("end", _SUSPENDED, _ENDED, CLOCK),
    ),
)

FACTS = {"suspend": "suspended", "resume": "resumed", "end": "ended"}
"""The fact each action makes: the last word of its event, announcement and peer message."""

ACTIONS = {fact: action for action, fact in FACTS.items()}

_MAY_CHANGE = (Role.STEWARD, Role.LEGAL, Role.COMMITTEE, Role.OPERATOR)


def deletion_due_at(agreement: Agreement) -> datetime | None:
    """Return when what was made under an ended agreement must be gone, or None."""
    days = delete_within_days(agreement.policy)
    if agreement.ended_at is None or days is None:
        return None
    return parse_iso(agreement.ended_at) + timedelta(days=days)


def check_may_change(actor: Actor) -> None:
    """Raise unless the actor is responsible for agreements here, or is the node itself."""
    if not actor.is_system:
        check_has_role(actor, *_MAY_CHANGE)


def may_change(actor: Actor) -> bool:
    """Return whether the actor may suspend, resume or end agreements."""
    try:
        check_may_change(actor)
    except TidegateError:
        return False
    return True


def change(agreement: Agreement, action: str, *, side: str, reason: str, at: str) -> Agreement:
    """Return the agreement after `side` (a party's DID, or CLOCK) took `action`.

    A suspension is lifted by the side that made it; while the other side's stands, so does the
    suspended state. Raises IllegalMoveError or AgreementChangeRefusedError.
    """
    by = CLOCK if side == CLOCK else SIDE
    move = AGREEMENT_LIFE.step(agreement.state, action, by=by)
    if action == "end":
        return replace(
            agreement, state=move.target, ended_at=at, ended_reason=reason, suspended_by=()
        )
    if action == "suspend":
        sides = tuple(sorted({*agreement.suspended_by, side}))
        return replace(agreement, state=move.target, suspended_by=sides)
    if side not in agreement.suspended_by:
        raise AgreementChangeRefusedError(
            "Only the side that suspended the agreement can resume it; ask them.",
            code="resume_by_other_side",
        )
    left = tuple(one for one in agreement.suspended_by if one != side)
    return replace(agreement, state=_SUSPENDED if left else move.target, suspended_by=left)


def check_digest(agreement: Agreement) -> None:
    """Raise AgreementCorruptError unless the stored words are the signed ones."""
    if agreement_digest(agreement) != agreement.digest:
        raise AgreementCorruptError(
            "The stored agreement differs from the one that was signed; nothing is done under it. "
            "Restore it from a backup or negotiate again.",
            code="agreement_hash",
            agreement=agreement.id,
        )


def check_in_force(agreement: Agreement) -> None:
    """Raise UseWithheldError, with the reason it ended for, unless the agreement is active."""
    if agreement.state is not _ACTIVE:
        why = f": {agreement.ended_reason}" if agreement.ended_reason else ""
        raise UseWithheldError(
            f"The agreement is {agreement.state}{why}.",
            code=f"agreement_{agreement.state}",
            agreement=agreement.id,
        )


def check_performs(agreement: Agreement, facts: UseFacts) -> None:
    """Raise unless the agreement is whole, active, and made with the one who asks."""
    check_digest(agreement)
    check_in_force(agreement)
    if facts.assignee != agreement.assignee:
        raise UseWithheldError(
            "The agreement is with another participant than the one who asks.",
            code="assignee_refused",
            agreement=agreement.id,
        )
