"""Which planes are registered here, what they prove themselves with, and what we send them.

Source: Data Plane Signaling 1.0-RC3, registration and authorization profiles. Two things are
stricter here: only an operator registers, and a token is believed by its signature alone, so that
client credentials need the key set that the specification leaves optional.
"""

import threading
from dataclasses import replace
from hmac import compare_digest
from urllib.parse import urlencode

from tidegate.access.model import Actor, Role
from tidegate.access.rules import check_has_role
from tidegate.connector.http.addresses import check_url
from tidegate.connector.http.body import read_json
from tidegate.connector.identity.rules import bearer
from tidegate.connector.signaling import store
from tidegate.connector.signaling.desk import Desk
from tidegate.connector.signaling.errors import (
    ApprovalRefusedError,
    PlaneAnswerError,
    RegistrationInvalidError,
)
from tidegate.connector.signaling.model import Asked, AuthType, Plane, PlaneKind, Registered
from tidegate.connector.signaling.proofs import LEEWAY_SECONDS, Proofs, read_keys, stranger
from tidegate.connector.signaling.sealing import open_secret, seal_secret, secret_digest
from tidegate.kernel.canonical import canonical_json
from tidegate.kernel.errors import TidegateError, UnavailableError

SHORTEST_TOKEN = 32
_LONGEST_ANSWER = 64 * 1024
_MOST = 100
LONGEST_GROUND = 1000


class Registry:
    """Keeps the registrations and knows who a caller is by them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._proofs = Proofs(desk)
        self._tokens: dict[str, tuple[str, float]] = {}
        self._guard = threading.Lock()

    def put(self, asked: Asked, *, by: Actor) -> Registered:
        """Register a plane, in place of an earlier registration of that name.

        Datasets are named for a control plane only by a person who is a steward too, and are open
        once a legal officer approved them. With bearer tokens the answer holds the one that the
        plane has to present, this once; no two planes present the same.
        """
        check_has_role(by, Role.OPERATOR)
        if asked.datasets:
            check_has_role(by, Role.STEWARD)
            check_is_person(by)
        auth = self._check(asked)
        made = self._desk.token() if auth is AuthType.BEARER and not asked.accepts else ""
        token = asked.accepts or made
        one = self._written(asked, auth, token)
        with self._desk.journal.write(
            by=by.id,
            did="signaling.registered",
            to=one.key,
            why={
                "endpoint": one.endpoint,
                "profiles": list(one.profiles),
                "datasets": list(one.datasets),
                "authorization": auth.value,
            },
        ) as tx:
            before = store.find_plane(tx.connection, one.kind, one.id)
            if one.digest and store.find_holder(tx.connection, one.digest) not in {"", one.key}:
                raise RegistrationInvalidError(
                    "Another plane presents this very token; give each one of its own.",
                    code="token_taken",
                )
            if before is not None and keeps_approval(before, one, by):
                one = replace(
                    one,
                    approved_by=before.approved_by,
                    approved_at=before.approved_at,
                    ground=before.ground,
                )
            first = (before.created_by, before.created_at) if before else (by.id, tx.at)
            one = replace(
                one, created_by=first[0], created_at=first[1], changed_by=by.id, changed_at=tx.at
            )
            store.put_plane(tx.connection, one)
        self._proofs.forget()
        with self._guard:
            self._tokens.clear()
        return Registered(one, made)

    def _written(self, asked: Asked, auth: AuthType, token: str) -> Plane:
        """Return a registration as it is kept, its secrets sealed or hashed."""
        one = Plane(
            kind=asked.kind,
            id=asked.id,
            endpoint=asked.endpoint.rstrip("/"),
            auth=auth,
            profiles=asked.profiles,
            labels=asked.labels,
            datasets=asked.datasets,
            token_endpoint=asked.token_endpoint,
            client_id=asked.client_id,
            jwks=canonical_json(dict(asked.jwks)).decode() if asked.jwks else "",
            jwks_uri=asked.jwks_uri,
            digest=secret_digest(token) if token else "",
        )
        return replace(one, sealed=seal_secret(self._desk.keys, one.key, asked.secret))

    def approve(self, name: str, ground: str, *, by: Actor, seen: str = "") -> Plane:
        """Open a control plane's datasets, on some ground: a legal officer's act.

        Raises ApprovalRefusedError where the same person registered them, there are none, or they
        were registered anew since the moment that was `seen`.
        """
        check_has_role(by, Role.LEGAL)
        check_is_person(by)
        if not ground.strip() or len(ground) > LONGEST_GROUND:
            raise RegistrationInvalidError(
                f"Say in 1 to {LONGEST_GROUND} characters on what ground its flows may move data.",
                code="ground_missing",
            )
        one = self._desk.journal.read(store.get_plane, PlaneKind.CONTROL, name)
        check_may_approve(one, by)
        with self._desk.journal.write(
            by=by.id,
            did="signaling.approved",
            to=one.key,
            why={"endpoint": one.endpoint, "datasets": list(one.datasets), "ground": ground},
        ) as tx:
            current = store.get_plane(tx.connection, PlaneKind.CONTROL, name)
            if current != one or seen not in {"", one.changed_at}:
                raise ApprovalRefusedError(
                    "The registration was changed meanwhile; look at it again.",
                    code="registration_changed",
                )
            opened = replace(one, approved_by=by.id, approved_at=tx.at, ground=ground)
            store.put_plane(tx.connection, opened)
        return opened

    def _check(self, asked: Asked) -> AuthType:
        if not asked.id.strip() or len(asked.id) > 100 or "/" in asked.id:
            raise RegistrationInvalidError(
                "A plane is named by 1 to 100 characters without a slash.", code="plane_id_invalid"
            )
        if asked.kind is PlaneKind.DATA and not asked.profiles:
            raise RegistrationInvalidError(
                "A data plane serves at least one transfer profile; name it.",
                code="profiles_missing",
            )
        if max(map(len, (asked.profiles, asked.labels, asked.datasets))) > _MOST:
            raise RegistrationInvalidError(f"At most {_MOST} of each are kept.", code="too_many")
        self._check_url(asked.endpoint)
        if asked.auth not in set(AuthType):
            raise RegistrationInvalidError(
                f"The authorization must be one of {', '.join(AuthType)}; nothing is open without.",
                code="authorization_unsupported",
            )
        auth = AuthType(asked.auth)
        if not asked.secret:
            raise RegistrationInvalidError(
                "Give the secret this node is to present: `token` or `clientSecret`.",
                code="authorization_incomplete",
            )
        if asked.accepts and (auth is not AuthType.BEARER or len(asked.accepts) < SHORTEST_TOKEN):
            raise RegistrationInvalidError(
                f"A token to accept has at least {SHORTEST_TOKEN} characters; or leave it out and "
                "have one made.",
                code="token_weak",
            )
        if auth is AuthType.CLIENT_CREDENTIALS:
            self._check_client(asked)
        return auth

    def _check_client(self, asked: Asked) -> None:
        self._check_url(asked.token_endpoint)
        if not asked.client_id or bool(asked.jwks) is bool(asked.jwks_uri):
            raise RegistrationInvalidError(
                "Client credentials need clientId and a key set, inline (jwks) or by its address "
                "(jwksUri): tokens are believed by their signature alone.",
                code="authorization_incomplete",
            )
        if asked.jwks_uri:
            self._check_url(asked.jwks_uri)
        elif read_keys(asked.jwks) is None:
            raise RegistrationInvalidError(
                "The key set (jwks) cannot be read (RFC 7517 §5).", code="jwks_invalid"
            )

    def _check_url(self, url: str) -> None:
        try:
            check_url(url, loopback=self._desk.loopback)
        except TidegateError as problem:
            raise RegistrationInvalidError(problem.message, code=problem.code) from None

    def remove(self, kind: PlaneKind, name: str, *, by: Actor) -> int:
        """Forget a plane; end what it had open and return how many flows that were."""
        check_has_role(by, Role.OPERATOR)
        one = self._desk.journal.read(store.get_plane, kind, name)
        with self._desk.journal.write(
            by=by.id, did="signaling.removed", to=one.key, why={"endpoint": one.endpoint}
        ) as tx:
            left = store.list_flows(tx.connection, plane=one.key, is_open=True, limit=100_000)
            for flow in left:
                tx.enqueue("signaling.orphaned", lane=f"dataflow:{flow.id}", flow=flow.id)
            store.drop_plane(tx.connection, one.key)
        return len(left)

    def list(self, kind: PlaneKind | None = None) -> tuple[Plane, ...]:
        """Return the registered planes, oldest first."""
        return self._desk.journal.read(store.list_planes, kind)

    def authenticate(self, kind: PlaneKind, authorization: str | None) -> Plane:
        """Return the plane behind an Authorization header; raise PlaneUnauthenticatedError."""
        try:
            token = bearer(authorization)
        except TidegateError:
            raise stranger(
                "Send the token of a registered plane as `Authorization: Bearer …`."
            ) from None
        found = self._desk.journal.read(store.find_by_digest, kind, secret_digest(token))
        if (
            found is not None
            and found.auth is AuthType.BEARER
            and compare_digest(found.digest, secret_digest(token))
        ):
            return found
        if token.count(".") != 2:
            raise stranger("The token belongs to no plane that is registered here.")
        return self._proofs.plane_of(kind, token)

    def token_for(self, one: Plane) -> str:
        """Return the Authorization header for a call to a plane."""
        secret = open_secret(self._desk.keys, one.key, one.sealed)
        if one.auth is AuthType.BEARER:
            return f"Bearer {secret}"
        now = self._desk.clock.now().timestamp()
        with self._guard:
            token, until = self._tokens.get(one.sealed, ("", 0.0))
        if now >= until:
            token, seconds = self._fetch(one, secret)
            with self._guard:
                self._tokens[one.sealed] = (token, now + seconds - 2 * LEEWAY_SECONDS)
        return f"Bearer {token}"

    def _fetch(self, one: Plane, secret: str) -> tuple[str, float]:
        """Fetch an access token by client credentials (RFC 6749 §4.4)."""
        form = {
            "grant_type": "client_credentials",
            "client_id": one.client_id,
            "client_secret": secret,
            "audience": one.id,
        }
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }
        raw = bytearray()
        with self._desk.wire.stream(
            "POST", one.token_endpoint, headers=headers, content=urlencode(form).encode()
        ) as answer:
            for chunk in answer.chunks:
                raw += chunk
                if len(raw) > _LONGEST_ANSWER:
                    break
            status = answer.status
        if status >= 500 or status == 429:
            raise UnavailableError(
                f"The token endpoint of {one.id} cannot answer now (HTTP {status}).",
                code="token_unavailable",
            )
        said = read_json(bytes(raw)) if status == 200 else None
        token = said.get("access_token") if isinstance(said, dict) else None
        if not isinstance(token, str) or not token or not token.isascii():
            raise PlaneAnswerError(
                f"The token endpoint of {one.id} gave no access token (HTTP {status}); check the "
                "client id and secret of its registration.",
                code="token_refused",
            )
        seconds = said.get("expires_in", 60) if isinstance(said, dict) else 60
        return token, float(seconds) if isinstance(seconds, int | float) else 60.0


def check_is_person(by: Actor) -> None:
    """Raise ApprovalRefusedError unless a named person acts."""
    if not by.person_id:
        raise ApprovalRefusedError(
            "Opening data to a control plane takes a named person; act as one (--as).",
            code="person_missing",
        )


def check_may_approve(one: Plane, by: Actor) -> None:
    """Raise ApprovalRefusedError unless this person may approve this registration."""
    if not one.datasets:
        raise ApprovalRefusedError(
            "This control plane was registered without datasets; there is nothing to approve.",
            code="datasets_missing",
        )
    if by.id == one.changed_by:
        raise ApprovalRefusedError(
            "Who registered the datasets does not approve them; ask another legal officer.",
            code="same_person",
        )


def keeps_approval(before: Plane, now: Plane, by: Actor) -> bool:
    """Tell whether an approval outlives a new registration: turned keys, or fewer datasets.

    Not where the approver registers it: then one person would stand for both.
    """
    return (
        bool(before.approved_by)
        and by.id != before.approved_by
        and now.endpoint == before.endpoint
        and set(now.datasets) <= set(before.datasets)
    )
