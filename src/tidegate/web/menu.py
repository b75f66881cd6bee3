"""What stands in the menu, by the roles a person holds."""

from tidegate.access.model import Actor, Role
from tidegate.kernel.values import dataclass

_EVIDENCE = frozenset(
    {Role.OPERATOR, Role.AUDITOR, Role.LEGAL, Role.STEWARD, Role.COMMITTEE, Role.CHECKER}
)
_ASKERS = frozenset({Role.RESEARCHER, Role.COMMITTEE})


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu."""

    name: str
    path: str
    roles: frozenset[Role] = frozenset()
    is_here: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Lines that belong together."""

    name: str
    entries: tuple[Entry, ...]


_MENU: tuple[Group, ...] = (
    Group("", (Entry("home", "/"), Entry("catalogue", "/catalogue"))),
    Group(
        "work",
        (
            Entry("holdings", "/datasets", frozenset({Role.STEWARD, Role.COMMITTEE, Role.AUDITOR})),
            Entry("applications", "/applications", _ASKERS | {Role.STEWARD, Role.LEGAL}),
            Entry("agreements", "/agreements"),
            Entry("queries", "/queries", frozenset({Role.RESEARCHER})),
            Entry("checking", "/checking", frozenset({Role.CHECKER})),
        ),
    ),
    Group(
        "trust",
        (
            Entry("evidence", "/evidence", _EVIDENCE),
            Entry("space", "/space"),
            Entry("operation", "/operation", frozenset({Role.OPERATOR})),
        ),
    ),
)


def menu_for(actor: Actor, here: str) -> tuple[Group, ...]:
    """Return the groups an actor sees, with the entry of the present page marked."""
    groups = []
    for group in _MENU:
        entries = tuple(
            Entry(one.name, one.path, one.roles, is_here=_is_here(one.path, here))
            for one in group.entries
            if not one.roles or one.roles & actor.roles
        )
        if entries:
            groups.append(Group(group.name, entries))
    return tuple(groups)


def _is_here(path: str, here: str) -> bool:
    return here == path or (path != "/" and here.startswith(f"{path}/"))
