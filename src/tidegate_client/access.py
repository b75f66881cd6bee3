"""The people of a node: add them, give them ways in, shut them out."""

import msgspec

from tidegate_client.transport import Transport


class Person(msgspec.Struct, frozen=True):
    """Somebody who works at a node."""

    id: str
    name: str
    email: str
    roles: frozenset[str]
    state: str
    has_password: bool = False
    has_totp: bool = False


class ApiToken(msgspec.Struct, frozen=True):
    """A bearer token, without its secret."""

    id: str
    person_id: str
    label: str
    created_at: str
    expires_at: str
    revoked_at: str | None


class Actor(msgspec.Struct, frozen=True):
    """Who acts."""

    id: str
    name: str
    roles: frozenset[str]


class Me(msgspec.Struct, frozen=True):
    """Whose token this client uses, and the name other nodes know them by."""

    actor: Actor
    person_ref: str


class TotpEnrolment(msgspec.Struct, frozen=True):
    """The secret of a second factor on its way to an authenticator."""

    secret: str
    address: str


class _Secret(msgspec.Struct, frozen=True):
    secret: str


class People:
    """The people of one node."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def me(self) -> Me:
        """Return whose token this client uses."""
        return self._http.get("/me", Me)

    def list_people(self) -> tuple[Person, ...]:
        """Return everybody at the node."""
        return self._http.get("/people", tuple[Person, ...])

    def get(self, person_id: str) -> Person:
        """Return one person."""
        return self._http.get(f"/people/{person_id}", Person)

    def add(self, name: str, email: str, roles: tuple[str, ...]) -> Person:
        """Add a person with these roles."""
        body = {"name": name, "email": email, "roles": roles}
        return self._http.post("/people", body, Person)

    def change_roles(self, person_id: str, roles: tuple[str, ...]) -> Person:
        """Give a person other roles."""
        return self._http.put(f"/people/{person_id}/roles", {"roles": roles}, Person)

    def disable(self, person_id: str, reason: str) -> Person:
        """Shut a person out at once."""
        return self._http.post(f"/people/{person_id}/disable", {"reason": reason}, Person)

    def issue_link(self, person_id: str, *, minutes: int | None = None) -> str:
        """Return the secret of a one-time sign-in link: open `/sign-in/link/<secret>`."""
        body = {"minutes": minutes}
        return self._http.post(f"/people/{person_id}/links", body, _Secret).secret

    def issue_token(self, person_id: str, *, label: str = "", days: int | None = None) -> str:
        """Return a new bearer token of a person."""
        body = {"label": label, "days": days}
        return self._http.post(f"/people/{person_id}/tokens", body, _Secret).secret

    def list_tokens(self, person_id: str) -> tuple[ApiToken, ...]:
        """Return a person's tokens."""
        return self._http.get(f"/people/{person_id}/tokens", tuple[ApiToken, ...])

    def revoke_token(self, token_id: str) -> None:
        """End a bearer token at once."""
        self._http.delete(f"/tokens/{token_id}", type(None))

    def set_password(self, password: str) -> None:
        """Set one's own password."""
        self._http.put("/me/password", {"password": password}, type(None))

    def enrol_totp(self) -> TotpEnrolment:
        """Begin one's own second factor."""
        return self._http.post("/me/totp", None, TotpEnrolment)

    def confirm_totp(self, code: str) -> None:
        """Finish one's own second factor with the code an authenticator shows."""
        self._http.put("/me/totp", {"code": code}, type(None))
