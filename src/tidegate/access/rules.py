"""Who may do what to people, as pure questions with a raising twin each."""

import re
from collections.abc import Callable, Iterable

from tidegate.access.errors import (
    LastOperatorError,
    NotYourselfError,
    PasswordWeakError,
    PersonDisabledError,
    PersonInvalidError,
    RoleMissingError,
    TermInvalidError,
)
from tidegate.access.model import Actor, Person, PersonState, Role
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.text import has_hidden_characters

SHORTEST_PASSWORD = 12  # NIST SP 800-63B section 3.1.1 asks for at least 8, OWASP for 12
LONGEST_TEXT = 200
LONGEST_REASON = 1000
ANONYMOUS = Actor(id="anonymous", name="somebody unknown")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def check_has_role(actor: Actor, *roles: Role) -> None:
    """Raise RoleMissingError unless the actor holds at least one of the roles."""
    if actor.roles.isdisjoint(roles):
        wanted = " or ".join(sorted(role.value for role in roles))
        raise RoleMissingError(
            f"This needs the role {wanted}; ask an operator of this node to do it or to add you.",
            code="role_missing",
            roles=wanted,
        )


def has_role(actor: Actor, *roles: Role) -> bool:
    """Tell whether the actor holds at least one of the roles."""
    return _holds(lambda: check_has_role(actor, *roles))


def check_may_add_person(actor: Actor, roles: Iterable[Role], operators: int) -> None:
    """Raise unless an operator asks, or the node itself makes its first operator."""
    if actor.is_system and operators == 0 and Role.OPERATOR in roles:
        return
    check_has_role(actor, Role.OPERATOR)


def may_add_person(actor: Actor, roles: Iterable[Role], operators: int) -> bool:
    """Tell whether the actor may add a person with these roles."""
    return _holds(lambda: check_may_add_person(actor, roles, operators))


def check_may_help_in(actor: Actor, person: Person) -> None:
    """Raise unless an operator, the node itself or the person asks for a way in."""
    if not person.state == PersonState.ACTIVE:
        raise PersonDisabledError("This person is disabled and can be given no way in.")
    if actor.is_system or actor.person_id == person.id:
        return
    check_has_role(actor, Role.OPERATOR)


def may_help_in(actor: Actor, person: Person) -> bool:
    """Tell whether the actor may issue a link or a token for the person."""
    return _holds(lambda: check_may_help_in(actor, person))


def check_is_self(actor: Actor, person: Person) -> None:
    """Raise unless the person acts on their own account."""
    if actor.person_id != person.id:
        raise NotYourselfError("Only the person can set their own password or second factor.")
    if person.state is not PersonState.ACTIVE:
        raise PersonDisabledError("This person is disabled; ask an operator of this node.")


def is_self(actor: Actor, person: Person) -> bool:
    """Tell whether the person acts on their own account."""
    return _holds(lambda: check_is_self(actor, person))


def check_may_change_roles(
    actor: Actor, person: Person, roles: Iterable[Role], others: int
) -> None:
    """Raise unless an operator changes another; `others` counts the other active operators."""
    check_has_role(actor, Role.OPERATOR)
    if actor.person_id == person.id:
        raise NotYourselfError("Nobody changes their own roles; ask another operator.")
    if Role.OPERATOR in person.roles and Role.OPERATOR not in roles and others == 0:
        raise LastOperatorError("This is the last operator; make another one first.")


def may_change_roles(actor: Actor, person: Person, roles: Iterable[Role], others: int) -> bool:
    """Tell whether the actor may give the person these roles."""
    return _holds(lambda: check_may_change_roles(actor, person, roles, others))


def check_may_disable(actor: Actor, person: Person, others: int) -> None:
    """Raise unless an operator disables somebody and an operator remains."""
    check_has_role(actor, Role.OPERATOR)
    if Role.OPERATOR in person.roles and others == 0:
        raise LastOperatorError("This is the last operator; make another one first.")


def may_disable(actor: Actor, person: Person, others: int) -> bool:
    """Tell whether the actor may disable the person."""
    return _holds(lambda: check_may_disable(actor, person, others))


def check_person(name: str, email: str, roles: frozenset[Role]) -> None:
    """Raise PersonInvalidError unless name, address and roles are usable."""
    if not name.strip() or len(name) > LONGEST_TEXT or _is_deceptive(name):
        raise PersonInvalidError(
            f"A person needs a name of 1 to {LONGEST_TEXT} characters on one line."
        )
    if not _EMAIL.fullmatch(email) or len(email) > LONGEST_TEXT or _is_deceptive(email):
        raise PersonInvalidError("A person needs an e-mail address, as in ada@example.org.")
    if not roles:
        raise PersonInvalidError("A person needs at least one role.")


def check_reason(reason: str) -> None:
    """Raise PersonInvalidError for a reason too long to keep in the evidence."""
    if len(reason) > LONGEST_REASON or has_hidden_characters(reason):
        raise PersonInvalidError(f"Give the reason in at most {LONGEST_REASON} characters.")


def check_term(value: int | None, most: int, what: str) -> None:
    """Raise TermInvalidError unless a way in is asked for a time from 1 to the most there is."""
    if value is not None and value not in range(1, most + 1):
        raise TermInvalidError(f"Ask for 1 to {most} {what}.")


def check_password(password: str, person: Person) -> None:
    """Raise PasswordWeakError for a password that is short, plain or the person's own name."""
    if len(password) < SHORTEST_PASSWORD or len(password) > LONGEST_TEXT:
        raise PasswordWeakError(
            f"A password has {SHORTEST_PASSWORD} to {LONGEST_TEXT} characters; a sentence is good."
        )
    names = {person.name.casefold(), person.email.casefold()}
    if len(set(password)) < 5 or password.casefold() in names:
        raise PasswordWeakError("This password is too easy to guess; use a sentence of your own.")


def _is_deceptive(line: str) -> bool:
    return has_hidden_characters(line) or len(line.splitlines()) > 1


def _holds(check: Callable[[], None]) -> bool:
    try:
        check()
    except TidegateError:
        return False
    return True
