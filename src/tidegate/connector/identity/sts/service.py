"""Give tokens to registered programs by OAuth 2.0 client credentials (RFC 6749 §4.4, DCP §4.4).

The service is closed (its address does not exist) until the operator registers a client.
"""

import hmac
from collections.abc import Mapping

from tidegate.access.model import Actor, Role
from tidegate.access.rules import check_has_role
from tidegate.audit.journal import Journal
from tidegate.connector.errors import (
    DidInvalidError,
    MessageInvalidError,
    RequestUnknownError,
    StsRefusedError,
)
from tidegate.connector.identity import rules
from tidegate.connector.identity.did import did_url
from tidegate.connector.identity.model import StsClient
from tidegate.connector.identity.service import IdentityService
from tidegate.connector.identity.sts import store
from tidegate.kernel.canonical import sha256_hex
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.ids import Ids, secret_token
from tidegate.kernel.values import dataclass

_LONGEST = 8192


@dataclass(frozen=True, slots=True)
class GivenToken:
    """A self-issued ID token of this node, as a client gets it (RFC 6749 §5.1)."""

    access_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - the kind of a token, not a secret


class StsService:
    """Signs ID tokens for local programs that speak for this node, such as a second connector."""

    def __init__(self, journal: Journal, clock: Clock, ids: Ids, identity: IdentityService) -> None:
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._identity = identity

    def add_client(self, name: str, scopes: tuple[str, ...], *, by: Actor) -> tuple[StsClient, str]:
        """Register a program; return it and its secret, which is shown once and never again.

        `scopes` are the most its tokens may grant; none means any credential of this node.

        Raises:
            MessageInvalidError: the name is empty, or a scope is not known.
        """
        _check_may(by)
        if not name.strip():
            raise MessageInvalidError("A client has a name.", code="sts_client_malformed")
        rules.check_scopes(scopes)
        secret = secret_token(32)
        client = StsClient(self._ids.new("sts"), name.strip(), scopes, iso(self._clock.now()))
        with self._journal.write(
            by=by.id,
            did="sts.client_added",
            to=f"node:{self._identity.node.did}",
            why={"client": client.id, "name": client.name, "scopes": list(scopes)},
        ) as tx:
            store.add(tx.connection, client, sha256_hex(secret.encode()), by.id)
        return client, secret

    def remove_client(self, client_id: str, *, by: Actor) -> None:
        """Close the service to a program.

        Raises:
            RequestUnknownError: there is no such client.
        """
        _check_may(by)
        if self._journal.read(store.find, client_id) is None:
            raise RequestUnknownError("There is no such client; see `tidegate sts list`.")
        with self._journal.write(
            by=by.id,
            did="sts.client_removed",
            to=f"node:{self._identity.node.did}",
            why={"client": client_id},
        ) as tx:
            store.remove(tx.connection, client_id, tx.at)

    def list_clients(self, *, by: Actor) -> tuple[StsClient, ...]:
        """Return every registered program."""
        _check_may(by)
        return self._journal.read(store.list_clients)

    def give_token(self, form: Mapping[str, str]) -> GivenToken:
        """Return a self-issued ID token for the `audience` that the form names.

        With `bearer_access_scope` the audience may query this node's credentials of those
        scopes; with `token` the token carries an access token that the audience gave.

        Raises:
            RequestUnknownError: no client is registered.
            StsRefusedError: naming what is wrong in the words of RFC 6749 §5.2.
        """
        if not self._journal.read(store.is_open):
            raise RequestUnknownError("There is nothing at this address.", code="no_route")
        if any(len(value) > _LONGEST for value in form.values()):
            raise _refuse("invalid_request", "A field is too long.")
        client = self._client(form)
        if form.get("grant_type") != "client_credentials":
            raise _refuse("unsupported_grant_type", "Only client_credentials is supported.")
        audience = form.get("audience", "")
        _check_audience(audience)
        carried = self._carried(client, audience, form)
        with_token = self._identity.token_with(audience, carried)
        self._journal.note(
            by=f"system:sts:{client.id}",
            did="sts.token_given",
            to=f"node:{audience}",
            why={"client": client.id, "scope": form.get("bearer_access_scope", "")[:1000]},
        )
        return GivenToken(with_token.removeprefix("Bearer "), self._identity.settings.token_seconds)

    def _client(self, form: Mapping[str, str]) -> StsClient:
        found = self._journal.read(store.find, form.get("client_id", ""))
        given = sha256_hex(form.get("client_secret", "").encode())
        if found is None or not hmac.compare_digest(found[1], given):
            raise _refuse("invalid_client", "The client is unknown, or its secret is wrong.")
        return found[0]

    def _carried(self, client: StsClient, audience: str, form: Mapping[str, str]) -> str:
        scopes = tuple(form.get("bearer_access_scope", "").split())
        token = form.get("token", "")
        if bool(scopes) == bool(token):
            raise _refuse("invalid_request", "Send `bearer_access_scope` or `token`, one of them.")
        if token:
            return token
        try:
            rules.check_scopes(scopes)
        except MessageInvalidError as problem:
            raise _refuse("invalid_scope", problem.message) from None
        most, asked = rules.read_scope(client.scopes), rules.read_scope(scopes)
        if client.scopes and not (asked.types <= most.types and asked.ids <= most.ids):
            raise _refuse("invalid_scope", "The client may not grant this scope.")
        return self._identity.access_tokens.make(audience, scopes, self._clock.now())


def _check_may(by: Actor) -> None:
    if not by.is_system:
        check_has_role(by, Role.OPERATOR)


def _check_audience(audience: str) -> None:
    try:
        did_url(audience, loopback=True)
    except DidInvalidError:
        raise _refuse("invalid_target", "Name the verifier's did:web as `audience`.") from None


def _refuse(code: str, message: str) -> StsRefusedError:
    return StsRefusedError(message, code=code)
