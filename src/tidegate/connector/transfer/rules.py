"""Who may hold, resume or end a transfer, and how a new one begins. Pure."""

from collections.abc import Iterable

from tidegate.access.model import Actor, Role, person_ref
from tidegate.access.rules import check_has_role
from tidegate.connector.messages.model import Side
from tidegate.connector.model import Peer
from tidegate.connector.transfer.errors import TransferRequestRefusedError
from tidegate.connector.transfer.model import VISIT_FORMAT, Transfer, TransferState
from tidegate.policy.model import Agreement
from tidegate.policy.service import check_recipient

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


def check_standing(agreement: Agreement, peer: Peer) -> None:
    """Refuse a recipient that has lost what the policy asks of it, such as a certification."""
    refusal = check_recipient(agreement.policy, peer.as_recipient())
    if refusal is not None:
        raise TransferRequestRefusedError(refusal.message, code=refusal.code)


def check_not_held(others: Iterable[Transfer], one: Transfer) -> None:
    """Refuse a transfer beside one that this side suspended: it would be a way around.

    A visit is its person's; rows are the agreement's, whoever asks for them.
    """
    for other in others:
        if other.held != Side.PROVIDER.value:
            continue
        if one.format == VISIT_FORMAT == other.format and other.person_ref == one.person_ref:
            raise TransferRequestRefusedError(
                "The provider has suspended this person's visit; wait until it is resumed.",
                code="visit_held",
            )
        if VISIT_FORMAT not in {one.format, other.format}:
            raise TransferRequestRefusedError(
                "The provider has suspended a transfer of these rows; wait until it is resumed.",
                code="rows_held",
            )
