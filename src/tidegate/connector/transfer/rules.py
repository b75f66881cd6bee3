"""Who may hold, resume or end a transfer, and how a new one begins. Pure."""

from tidegate.access.model import Actor, Role, person_ref
from tidegate.access.rules import check_has_role
from tidegate.connector.messages.model import Side
from tidegate.connector.transfer.model import Transfer, TransferState
from tidegate.policy.model import Agreement

KEEPERS = (Role.STEWARD, Role.OPERATOR, Role.LEGAL)


def is_own(actor: Actor, one: Transfer, did: str) -> bool:
    """Tell whether the transfer is the person's own: they opened it, or it lets them in."""
    return actor.id == one.created_by or person_ref(did, actor.person_id) == one.person_ref


def check_may_handle(actor: Actor, one: Transfer, did: str) -> None:
    """Raise unless a keeper acts, or a researcher on their own transfer."""
    if not is_own(actor, one, did):
        check_has_role(actor, *KEEPERS)
    check_has_role(actor, Role.RESEARCHER, *KEEPERS)


def new_transfer(
    agreement: Agreement, pid: str, name: str, address: str, who: str, by: Actor, at: str
) -> Transfer:
    """Return a transfer of format `name` this node is about to ask its provider for."""
    return Transfer(
        pid=pid,
        side=Side.CONSUMER,
        peer_did=agreement.assigner,
        peer_name="",
        peer_pid="",
        peer_address=address,
        agreement_id=agreement.id,
        dataset_id=agreement.dataset_id,
        version_id=agreement.version_id,
        format=name,
        person_ref=who,
        state=TransferState.INITIAL,
        created_by=by.id,
        created_at=at,
        changed_by=by.id,
        changed_at=at,
    )
