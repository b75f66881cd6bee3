"""Who may act at all: the one place where a person becomes the actor of anything."""

from collections.abc import Iterable

from sqlalchemy import Connection

from tidegate.access import store
from tidegate.access.errors import PersonDisabledError, PersonNotFoundError
from tidegate.access.model import Actor, Person, PersonState, Role


def actor_from(person: Person) -> Actor:
    """Return the actor a person is; raise PersonDisabledError for one who acts no more."""
    if person.state is not PersonState.ACTIVE:
        raise PersonDisabledError(
            "This person is disabled and may no longer act at this node; ask an operator, or name"
            " somebody else."
        )
    return person.as_actor()


def get_named(conn: Connection, who: str) -> Person:
    """Return the person named by id (`per_…`, `person:per_…`) or e-mail address.

    Raises:
        PersonNotFoundError: nobody of this node has that id or address.
    """
    named = who.strip()
    if "@" in named:
        found = store.find_by_email(conn, named.lower())
    else:
        found = store.find_person(conn, named.removeprefix("person:"))
    if found is None:
        raise PersonNotFoundError(
            "Nobody of this node has that e-mail or id; see `tidegate person list`."
        )
    return found


def first_operator(people: Iterable[Person]) -> Actor:
    """Return the first operator who is not disabled; raise PersonNotFoundError."""
    for person in people:
        if Role.OPERATOR in person.roles and person.state is PersonState.ACTIVE:
            return person.as_actor()
    raise PersonNotFoundError(
        "This node has no active operator; `tidegate init` makes the first one.",
        code="operator_missing",
    )
