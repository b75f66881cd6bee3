"""Agreements and their usage ledger in SQL: every function takes a connection, speaks in models."""

import json

from sqlalchemy import Connection, Row, exists, insert, or_, select, update

from tidegate.db.tables.policy import policy_agreement, policy_usage
from tidegate.kernel.canonical import canonical_json
from tidegate.policy.errors import AgreementNotFoundError
from tidegate.policy.model import Agreement, AgreementState
from tidegate.policy.odrl import from_odrl, to_offer

_A = policy_agreement.c


def add_agreement(conn: Connection, agreement: Agreement, *, ends_at: str | None) -> None:
    """Insert a signed agreement."""
    conn.execute(
        insert(policy_agreement),
        {
            "id": agreement.id,
            "role": agreement.role,
            "dataset_id": agreement.dataset_id,
            "version_id": agreement.version_id,
            "assigner": agreement.assigner,
            "assignee": agreement.assignee,
            "offer_id": agreement.offer_id,
            "signed_at": agreement.signed_at,
            "state": agreement.state.value,
            "digest": agreement.digest,
            "policy": _text(to_offer(agreement.policy, agreement.offer_id or agreement.id)),
            "purposes": _text(agreement.purposes),
            "suspended_by": _text(agreement.suspended_by),
            "ends_at": ends_at,
            "ended_by": None,
            "ended_at": None,
            "ended_reason": "",
        },
    )


def open_ledger(conn: Connection, agreement_id: str, *, allowed: int | None) -> None:
    """Open the usage ledger of a new agreement."""
    conn.execute(
        insert(policy_usage), {"agreement_id": agreement_id, "used": 0, "allowed": allowed}
    )


def find_agreement(conn: Connection, agreement_id: str) -> Agreement | None:
    """Return the agreement, or None."""
    row = conn.execute(select(policy_agreement).where(_A.id == agreement_id)).first()
    return _agreement(row) if row else None


def get_agreement(conn: Connection, agreement_id: str) -> Agreement:
    """Return the agreement; raise AgreementNotFoundError if there is none."""
    found = find_agreement(conn, agreement_id)
    if found is None:
        raise AgreementNotFoundError(
            "There is no agreement of that id at this node.", agreement=agreement_id
        )
    return found


def list_agreements(conn: Connection, *, dataset_id: str = "") -> tuple[Agreement, ...]:
    """Return all agreements, or those about one dataset, oldest first."""
    query = select(policy_agreement).order_by(_A.signed_at, _A.id)
    if dataset_id:
        query = query.where(_A.dataset_id == dataset_id)
    return tuple(_agreement(row) for row in conn.execute(query))


def list_expired(conn: Connection, now: str) -> tuple[str, ...]:
    """Return the ids of agreements whose time is over and which have not ended."""
    over = _A.ends_at.is_not(None) & (_A.ends_at <= now) & (_A.state != AgreementState.ENDED.value)
    return tuple(conn.execute(select(_A.id).where(over).order_by(_A.ends_at)).scalars())


def save_state(conn: Connection, agreement: Agreement, *, by: str, expect: Agreement) -> bool:
    """Write the new state unless another write came between; return whether it was written."""
    ended = agreement.state is AgreementState.ENDED
    done = conn.execute(
        update(policy_agreement)
        .where(
            _A.id == agreement.id,
            _A.state == expect.state.value,
            _A.suspended_by == _text(expect.suspended_by),
        )
        .values(
            state=agreement.state.value,
            suspended_by=_text(agreement.suspended_by),
            ended_at=agreement.ended_at,
            ended_by=by if ended else None,
            ended_reason=agreement.ended_reason,
        )
    )
    return done.rowcount == 1


def count_use(conn: Connection, agreement_id: str) -> int | None:
    """Count one use of an active agreement in one conditional update.

    Returns the number of this use, or None when the agreement is not active or its uses are spent.
    """
    ledger = policy_usage.c
    active = exists().where(_A.id == agreement_id, _A.state == AgreementState.ACTIVE.value)
    done = conn.execute(
        update(policy_usage)
        .where(
            ledger.agreement_id == agreement_id,
            or_(ledger.allowed.is_(None), ledger.used < ledger.allowed),
            active,
        )
        .values(used=ledger.used + 1)
    )
    return uses_so_far(conn, agreement_id) if done.rowcount == 1 else None


def uses_so_far(conn: Connection, agreement_id: str) -> int:
    """Return how many uses the ledger holds."""
    ledger = policy_usage.c
    query = select(ledger.used).where(ledger.agreement_id == agreement_id)
    return int(conn.execute(query).scalar_one())


def _text(value: object) -> str:
    return canonical_json(value).decode()


def _agreement(row: Row[tuple[object, ...]]) -> Agreement:
    return Agreement(
        id=row.id,
        role=row.role,
        dataset_id=row.dataset_id,
        version_id=row.version_id,
        assigner=row.assigner,
        assignee=row.assignee,
        policy=from_odrl(json.loads(row.policy)),
        offer_id=row.offer_id,
        signed_at=row.signed_at,
        state=AgreementState(row.state),
        digest=row.digest,
        purposes=tuple(json.loads(row.purposes)),
        ended_at=row.ended_at,
        ended_reason=row.ended_reason,
        suspended_by=tuple(json.loads(row.suspended_by)),
    )
