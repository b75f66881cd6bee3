"""What follows a decision or a withdrawal, within the write that makes it."""

from dataclasses import replace

from tidegate.audit.journal import Tx
from tidegate.partners.application import rules, store
from tidegate.partners.application.messages import DecidedMessage
from tidegate.partners.model import Application, Permit, PermitState
from tidegate.partners.records import to_plain


def send_decided(tx: Tx, application: Application, permit: Permit | None, self_did: str) -> None:
    """Tell the applicant's node what was decided."""
    if application.grantee == self_did:
        return  # asked and decided at this same node
    message = DecidedMessage(
        application=application.id,
        state=application.state,
        decided_by=application.decided_by,
        decided_at=application.decided_at or tx.at,
        reason=application.reason,
        permit=permit,
    )
    tx.send(to=application.grantee, kind="application.decided", body=to_plain(message))


def end_permit_of(tx: Tx, application: Application, reason: str) -> None:
    """End the live permit of a withdrawn application, within the write that withdraws it."""
    permit = store.find_permit_of(tx.connection, application.id)
    if permit is None or permit.state is PermitState.ENDED:
        return
    move = rules.PERMIT.step(permit.state, "end", by="applicant")
    ended = replace(permit, state=move.target, ended_at=tx.at, ended_reason=reason)
    store.save_permit(tx.connection, ended, expect=permit.state)
    tx.note(did="permit.ended", to=f"permit:{permit.id}", why={"reason": reason})
    tx.announce("permit.ended", permit=permit.id)
