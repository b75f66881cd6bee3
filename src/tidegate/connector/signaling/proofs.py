"""Planes that prove themselves by a signature: whose key, and what the token must say.

Source: Data Plane Signaling 1.0-RC3, authorization profile client credentials; RFC 7517 §5, RFC
7519. A key set given by its address is fetched when it is needed, and again for a key it did not
hold: an address that does not answer lets nobody in.
"""

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.util import urlsafe_b64decode

from tidegate.connector.http.body import read_json
from tidegate.connector.identity.places import Places
from tidegate.connector.signaling import store
from tidegate.connector.signaling.desk import Desk
from tidegate.connector.signaling.errors import PlaneUnauthenticatedError
from tidegate.connector.signaling.model import AuthType, Plane, PlaneKind
from tidegate.kernel.errors import TidegateError, UnavailableError
from tidegate.kernel.values import dataclass

ALGORITHMS = ["ES256", "ES384", "RS256", "PS256", "EdDSA", "Ed25519"]
LEEWAY_SECONDS = 10
LONGEST_TOKEN_SECONDS = 3600
KEYS_FRESH_SECONDS = 300
KEYS_PAUSE_SECONDS = 30
"""How soon a key set is fetched again for a key that it did not hold."""
KEYS_FAILED_SECONDS = 5
"""How soon an address is asked again that gave no keys: anybody can name a plane."""
_MOST_AT_ONCE = 4  # of the forty threads that answer calls


@dataclass(frozen=True, slots=True)
class _Held:
    keys: KeySet | None
    at: float


class Proofs:
    """Finds the plane that signed a token."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._held: dict[tuple[str, str], _Held] = {}
        self._turn = 0
        self._places = Places(most=_MOST_AT_ONCE, per_host=_MOST_AT_ONCE)
        self._guard = threading.Lock()

    def forget(self) -> None:
        """Forget the key sets that were fetched: a registration has changed."""
        with self._guard:
            self._turn += 1  # what is on its way at this moment is not kept
            self._held.clear()

    def plane_of(self, kind: PlaneKind, token: str) -> Plane:
        """Return the plane whose key signed a token; raise PlaneUnauthenticatedError."""
        name = _subject_of(token)
        one = self._desk.journal.read(store.find_plane, kind, name)
        if one is None or one.auth is not AuthType.CLIENT_CREDENTIALS:
            raise stranger("The token belongs to no plane that is registered here.")
        claims = self._verified(one, token, KEYS_FRESH_SECONDS)
        if claims is None and one.jwks_uri:
            claims = self._verified(one, token, KEYS_PAUSE_SECONDS)
        if claims is None:
            raise stranger("The signature of the token does not hold.")
        self._check_claims(one, claims)
        return one

    def _verified(self, one: Plane, token: str, fresh: float) -> Mapping[str, Any] | None:
        keys = self._fetched(one, fresh) if one.jwks_uri else read_keys(json.loads(one.jwks))
        if keys is None:
            return None
        try:
            return jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        except (JoseError, ValueError, TypeError, KeyError):
            return None

    def _fetched(self, one: Plane, fresh: float) -> KeySet:
        """Return the key set at the plane's address, not older than that; fetch it otherwise.

        One is kept for a registration: another process of this node may have made it anew.
        """
        now, name = self._desk.clock.now().timestamp(), (one.jwks_uri, one.changed_at)
        with self._guard:
            held, turn = self._held.get(name), self._turn
        if held is None or now - held.at >= (fresh if held.keys else KEYS_FAILED_SECONDS):
            with self._places.taken(one.id):
                held = _Held(self._asked(one), now)
            with self._guard:
                if turn == self._turn:
                    self._held[name] = held
        if held.keys is None:
            raise UnavailableError(
                f"The key set of {one.id} cannot be read now.", code="jwks_unavailable"
            )
        return held.keys

    def _asked(self, one: Plane) -> KeySet | None:
        try:
            answer = self._desk.wire.call("GET", one.jwks_uri)
        except TidegateError:
            return None
        return read_keys(answer.body) if answer.is_ok else None

    def _check_claims(self, one: Plane, claims: Mapping[str, Any]) -> None:
        now = self._desk.clock.now().timestamp()
        expires, issued = claims.get("exp"), claims.get("iat")
        audience = claims.get("aud")
        if not isinstance(claims.get("iss"), str) or claims.get("sub") != one.id:
            raise stranger("The token must name its issuer, and the plane as its subject.")
        if self._desk.did not in (audience if isinstance(audience, list) else [audience]):
            raise stranger("The token is for another audience.")
        if not isinstance(expires, int | float) or not isinstance(issued, int | float):
            raise stranger("The token needs the times exp and iat.")
        if not now < expires <= now + LONGEST_TOKEN_SECONDS:  # so that NaN is refused too
            raise stranger("The token has expired, or lives too long.")
        begins, latest = claims.get("nbf", issued), now + LEEWAY_SECONDS
        if not isinstance(begins, int | float) or not (issued <= latest and begins <= latest):
            raise stranger("The token is not valid yet; check both clocks.")
        jti = claims.get("jti")
        if not isinstance(jti, str) or not jti:
            raise stranger("The token needs an id (jti): it is good for one call.")
        until = datetime.fromtimestamp(expires + LEEWAY_SECONDS, UTC)
        if not self._desk.callers.is_first_use(one.key, jti, until):
            raise stranger("The token was used before; make a new one for every call.")


def read_keys(document: object) -> KeySet | None:
    """Return a key set (RFC 7517 §5) with at least one key, or None where it is none."""
    try:
        found = KeySet.import_key_set(document)  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return found if found.keys else None


def _subject_of(token: str) -> str:
    try:
        part = token.split(".")[1]
        found = read_json(urlsafe_b64decode(part.encode("ascii")))
    except (ValueError, TidegateError):
        raise stranger("The token cannot be read.") from None
    name = found.get("sub") if isinstance(found, dict) else None
    if not isinstance(name, str):
        raise stranger("The token must name the plane as its subject.")
    return name


def stranger(words: str) -> PlaneUnauthenticatedError:
    """Return the one refusal of whoever is no registered plane."""
    return PlaneUnauthenticatedError(words, code="plane_unauthenticated")
