"""Management operations for the people of a node."""

from tidegate.access.model import Actor, ApiToken, Person, Role, TotpEnrolment
from tidegate.access.rules import check_has_role
from tidegate.api.kit import Call, Operation
from tidegate.kernel.values import dataclass


@dataclass(frozen=True, slots=True)
class AddPerson:
    """Somebody new and their roles."""

    name: str
    email: str
    roles: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class ChangeRoles:
    """The roles a person has from now on."""

    roles: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class DisablePerson:
    """Why a person is shut out."""

    reason: str


@dataclass(frozen=True, slots=True)
class IssueLink:
    """How long a one-time link works; half an hour when left out."""

    minutes: int | None = None


@dataclass(frozen=True, slots=True)
class IssueToken:
    """What a token is for, and for how many days."""

    label: str = ""
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that is shown this once."""

    secret: str


@dataclass(frozen=True, slots=True)
class SetPassword:
    """A new password of one's own."""

    password: str


@dataclass(frozen=True, slots=True)
class ConfirmTotp:
    """The code an authenticator shows now."""

    code: str


@dataclass(frozen=True, slots=True)
class Me:
    """Who calls, and by which name other nodes know them."""

    actor: Actor
    person_ref: str


def show_me(call: Call[None]) -> Me:
    """Say who the token belongs to."""
    return Me(call.actor, call.house.access.ref_of(call.actor.person_id))


def list_people(call: Call[None]) -> tuple[Person, ...]:
    """List everybody at the node, to those who work here."""
    check_has_role(call.actor, *Role)
    return call.house.access.list_people()


def add_person(call: Call[AddPerson]) -> Person:
    """Add a person."""
    body = call.body
    return call.house.access.add_person(body.name, body.email, frozenset(body.roles), by=call.actor)


def show_person(call: Call[None]) -> Person:
    """Show a person."""
    check_has_role(call.actor, *Role)
    return call.house.access.get_person(call.path["person"])


def change_roles(call: Call[ChangeRoles]) -> Person:
    """Give a person other roles."""
    roles = frozenset(call.body.roles)
    return call.house.access.change_roles(call.path["person"], roles, by=call.actor)


def disable_person(call: Call[DisablePerson]) -> Person:
    """Shut a person out."""
    return call.house.access.disable_person(call.path["person"], call.body.reason, by=call.actor)


def issue_link(call: Call[IssueLink]) -> Secret:
    """Issue a one-time sign-in link."""
    return Secret(
        call.house.access.issue_link(call.path["person"], by=call.actor, minutes=call.body.minutes)
    )


def issue_token(call: Call[IssueToken]) -> Secret:
    """Issue a bearer token."""
    body = call.body
    return Secret(
        call.house.access.issue_token(
            call.path["person"], by=call.actor, label=body.label, days=body.days
        )
    )


def list_tokens(call: Call[None]) -> tuple[ApiToken, ...]:
    """List a person's tokens."""
    return call.house.access.list_tokens(call.path["person"], by=call.actor)


def revoke_token(call: Call[None]) -> None:
    """End a bearer token."""
    call.house.access.revoke_token(call.path["token"], by=call.actor)


def set_password(call: Call[SetPassword]) -> None:
    """Set one's own password."""
    call.house.access.set_password(call.actor.person_id, call.body.password, by=call.actor)


def enrol_totp(call: Call[None]) -> TotpEnrolment:
    """Begin one's own second factor."""
    return call.house.access.enrol_totp(call.actor.person_id, by=call.actor)


def confirm_totp(call: Call[ConfirmTotp]) -> None:
    """Finish one's own second factor."""
    call.house.access.confirm_totp(call.actor.person_id, call.body.code, by=call.actor)


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/me", show_me, gives=Me, summary="Say who the token belongs to"),
    Operation("PUT", "/me/password", set_password, takes=SetPassword, summary="Set a password"),
    Operation("POST", "/me/totp", enrol_totp, gives=TotpEnrolment, summary="Begin a second factor"),
    Operation("PUT", "/me/totp", confirm_totp, takes=ConfirmTotp, summary="Finish a second factor"),
    Operation("GET", "/people", list_people, gives=tuple[Person, ...], summary="List people"),
    Operation("POST", "/people", add_person, takes=AddPerson, gives=Person, summary="Add a person"),
    Operation("GET", "/people/{person}", show_person, gives=Person, summary="Show a person"),
    Operation(
        "PUT",
        "/people/{person}/roles",
        change_roles,
        takes=ChangeRoles,
        gives=Person,
        summary="Give a person other roles",
    ),
    Operation(
        "POST",
        "/people/{person}/disable",
        disable_person,
        takes=DisablePerson,
        gives=Person,
        summary="Shut a person out",
    ),
    Operation(
        "POST",
        "/people/{person}/links",
        issue_link,
        takes=IssueLink,
        gives=Secret,
        summary="Issue a one-time sign-in link",
    ),
    Operation(
        "POST",
        "/people/{person}/tokens",
        issue_token,
        takes=IssueToken,
        gives=Secret,
        summary="Issue a bearer token",
    ),
    Operation(
        "GET",
        "/people/{person}/tokens",
        list_tokens,
        gives=tuple[ApiToken, ...],
        summary="List a person's tokens",
    ),
    Operation("DELETE", "/tokens/{token}", revoke_token, summary="End a bearer token"),
)
