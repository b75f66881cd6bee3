"""Who reads what others plan and ask for: those who take part, and those whose office it is."""

from collections.abc import Iterable

from tidegate.access.model import Actor, Role

OFFICES = frozenset(
    {
        Role.OPERATOR,
        Role.STEWARD,
        Role.COMMITTEE,
        Role.CHECKER,
        Role.TRAINER,
        Role.LEGAL,
        Role.AUDITOR,
    }
)


def may_read(actor: Actor, actor_ref: str, people: Iterable[str]) -> bool:
    """Tell whether the actor may read a study, an application or a permit of these people."""
    return not actor.roles.isdisjoint(OFFICES) or actor_ref in people
