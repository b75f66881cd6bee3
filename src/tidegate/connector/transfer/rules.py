"""Who may hold, resume or end a transfer. Pure."""

from tidegate.access.model import Actor, Role, person_ref
from tidegate.access.rules import check_has_role
from tidegate.connector.transfer.model import Transfer

KEEPERS = (Role.STEWARD, Role.OPERATOR, Role.LEGAL)


def is_own(actor: Actor, one: Transfer, did: str) -> bool:
    """Tell whether the transfer is the person's own: they opened it, or it lets them in."""
    return actor.id == one.created_by or person_ref(did, actor.person_id) == one.person_ref


def check_may_handle(actor: Actor, one: Transfer, did: str) -> None:
    """Raise unless a keeper acts, or a researcher on their own transfer."""
    if not is_own(actor, one, did):
        check_has_role(actor, *KEEPERS)
    check_has_role(actor, Role.RESEARCHER, *KEEPERS)
