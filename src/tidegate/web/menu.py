"""What stands in the menu, by the roles a person holds."""

from collections.abc import Mapping
from dataclasses import replace

from tidegate.access.model import Actor, Role
from tidegate.house import House
from tidegate.kernel.values import dataclass
from tidegate.partners.model import ApplicationState

_EVIDENCE = frozenset(
    {Role.OPERATOR, Role.AUDITOR, Role.LEGAL, Role.STEWARD, Role.COMMITTEE, Role.CHECKER}
)
_DECIDERS = frozenset({Role.STEWARD, Role.LEGAL, Role.COMMITTEE, Role.OPERATOR})
_PLANES = frozenset({Role.OPERATOR, Role.STEWARD, Role.LEGAL, Role.AUDITOR})
_ASKERS = frozenset({Role.RESEARCHER, Role.COMMITTEE})


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu."""

    name: str
    path: str
    roles: frozenset[Role] = frozenset()
    is_here: bool = False
    count: int = 0
    also: tuple[str, ...] = ()  # pages that belong to this entry too


@dataclass(frozen=True, slots=True)
class Group:
    """Lines that belong together."""

    name: str
    entries: tuple[Entry, ...]


_MENU: tuple[Group, ...] = (
    Group(
        "",
        (Entry("home", "/"), Entry("inbox", "/inbox", _DECIDERS), Entry("catalogue", "/catalogue")),
    ),
    Group(
        "work",
        (
            Entry("holdings", "/datasets", frozenset({Role.STEWARD, Role.COMMITTEE, Role.AUDITOR})),
            Entry("applications", "/applications", _ASKERS | {Role.STEWARD, Role.LEGAL}),
            Entry("agreements", "/agreements", also=("/negotiations", "/transfers")),
            Entry("queries", "/queries", frozenset({Role.RESEARCHER})),
            Entry("checking", "/checking", frozenset({Role.CHECKER})),
        ),
    ),
    Group(
        "trust",
        (
            Entry("evidence", "/evidence", _EVIDENCE),
            Entry("space", "/space"),
            Entry("peers", "/peers", frozenset({Role.OPERATOR, Role.AUDITOR})),
            Entry("planes", "/planes", _PLANES),
            Entry("operation", "/operation", frozenset({Role.OPERATOR})),
        ),
    ),
)


def menu_for(actor: Actor, here: str, counts: Mapping[str, int] | None = None) -> tuple[Group, ...]:
    """Return the groups an actor sees, with the entry of the present page marked.

    `counts` says by the name of an entry how much waits there.
    """
    groups = []
    for group in _MENU:
        entries = tuple(
            replace(
                one,
                is_here=_is_here(one.path, here) or any(_is_here(p, here) for p in one.also),
                count=(counts or {}).get(one.name, 0),
            )
            for one in group.entries
            if not one.roles or one.roles & actor.roles
        )
        if entries:
            groups.append(Group(group.name, entries))
    return tuple(groups)


def counts_for(house: House, actor: Actor, did: str) -> Mapping[str, int]:
    """Count what waits behind the entries that show a number, for those who see them."""
    if not actor.roles & _DECIDERS:
        return {}
    waiting = house.negotiation.count_waiting()
    if Role.LEGAL in actor.roles:
        waiting += len(house.approvals.list_waiting())
    if Role.COMMITTEE in actor.roles:
        waiting += sum(
            one.state is ApplicationState.SUBMITTED and one.provider == did
            for one in house.applications.list_applications()
        )
    return {"inbox": waiting + len(house.holdings.list_waiting(by=actor))}


def _is_here(path: str, here: str) -> bool:
    return here == path or (path != "/" and here.startswith(f"{path}/"))
