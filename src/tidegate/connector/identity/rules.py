"""The checks of a self-issued ID token's claims (DCP 1.0.1 §4.3.3), and of scopes (§5.4.1.2)."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tidegate.connector.errors import (
    CredentialInvalidError,
    MessageInvalidError,
    PeerUnauthenticatedError,
)
from tidegate.connector.identity.model import ID_SCOPE_PREFIX, SCOPE_PREFIX, IdentitySettings
from tidegate.kernel.values import dataclass

_LONGEST_JTI = 256
_LONGEST_ACCESS_TOKEN = 8192
MOST_SCOPES = 32
_ENDS = frozenset({"read", "*", "all"})
_TYPE = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_ID = re.compile(r"[\x21-\x7e]{1,500}")


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What a well-formed self-issued ID token says."""

    did: str
    jti: str
    access_token: str
    expires_at: datetime


def check_token_claims(
    claims: Mapping[str, Any], *, audience: str, now: datetime, settings: IdentitySettings
) -> TokenFacts:
    """Return what the claims say, if they may be believed once the signature is verified.

    Raises:
        PeerUnauthenticatedError: naming the first check that fails.
    """
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or not issuer.startswith("did:web:"):
        raise _refuse("The token's issuer is not a did:web.", "issuer_invalid")
    if claims.get("sub") != issuer:
        raise _refuse("The token's subject must be its issuer.", "subject_mismatch")
    if claims.get("aud") not in (audience, [audience]):
        raise _refuse("The token is for another audience.", "audience_mismatch")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI:
        raise _refuse("The token needs an id (jti).", "jti_missing")
    access = claims.get("token", "")
    if not isinstance(access, str) or len(access) > _LONGEST_ACCESS_TOKEN:
        raise _refuse("The token's access token is malformed.", "access_token_malformed")
    expires = _check_times(claims, now.timestamp(), settings)
    return TokenFacts(issuer, jti, access, datetime.fromtimestamp(expires, UTC))


def check_statement_claims(
    claims: Mapping[str, Any], *, audience: str, now: datetime, settings: IdentitySettings
) -> None:
    """Raise CredentialInvalidError unless a signed statement is for this node, and in time."""
    try:
        if claims.get("aud") not in (audience, [audience]):
            raise _refuse("The statement was made for another node.", "audience_mismatch")
        _check_times(claims, now.timestamp(), settings)
    except PeerUnauthenticatedError as problem:
        raise CredentialInvalidError(problem.message, code=problem.code) from None


def _check_times(claims: Mapping[str, Any], now: float, settings: IdentitySettings) -> float:
    leeway = settings.leeway_seconds
    expires, issued = moment(claims, "exp"), moment(claims, "iat")
    begins = moment(claims, "nbf") if "nbf" in claims else issued
    if expires <= now - leeway:
        raise _refuse("The token has expired.", "token_expired")
    if issued > now + leeway or begins > now + leeway:
        raise _refuse("The token is not valid yet; check both clocks.", "token_not_yet_valid")
    if expires - now > settings.longest_token_seconds:
        raise _refuse("The token lives longer than is accepted here.", "token_too_long_lived")
    return expires


def moment(claims: Mapping[str, Any], name: str) -> float:
    """Return a NumericDate claim (RFC 7519 §2) in seconds.

    Raises:
        PeerUnauthenticatedError: it is absent or no moment.
    """
    found = claims.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise _refuse(f"The token needs the time {name}.", "time_missing")
    if not math.isfinite(found) or not 0 <= found < 1 << 40:
        raise _refuse(f"The token's time {name} is out of range.", "time_invalid")
    return float(found)


def bearer(authorization: str | None) -> str:
    """Take the token out of an Authorization header (RFC 6750 §2.1).

    Raises:
        PeerUnauthenticatedError: there is none.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _refuse("Send a self-issued ID token as `Authorization: Bearer …`.", "token_missing")
    return token.strip()


@dataclass(frozen=True, slots=True)
class Scope:
    """The credentials that a list of scopes asks for or grants, by type and by id."""

    types: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()

    def covers(self, kind: str, credential_id: str) -> bool:
        """Whether a credential of that type and id is meant."""
        return kind in self.types or credential_id in self.ids


def read_scope(scopes: tuple[str, ...]) -> Scope:
    """Read scopes of the grammar `alias:discriminator` (DCP 1.0.1 §5.4.1.2).

    Aliases are `org.eclipse.dspace.dcp.vc.type` and `org.eclipse.dspace.dcp.vc.id`; an ending
    `:read`, `:*` or `:all` is accepted. A scope of another kind means no credential.
    """
    types = (_discriminator(each, SCOPE_PREFIX) for each in scopes)
    ids = (_discriminator(each, ID_SCOPE_PREFIX) for each in scopes)
    return Scope(
        frozenset(name for name in types if _TYPE.fullmatch(name)),
        frozenset(name for name in ids if _ID.fullmatch(name)),
    )


def is_scope(scope: str) -> bool:
    """Whether a scope is of the grammar, so that somebody may be given a token for it."""
    found = read_scope((scope,))
    return bool(found.types or found.ids)


def check_scopes(scopes: tuple[str, ...]) -> None:
    """Raise MessageInvalidError, naming it, for a scope that is of no known form; or too many."""
    if len(scopes) > MOST_SCOPES:
        raise MessageInvalidError(f"Name up to {MOST_SCOPES} scopes.", code="scope_unknown")
    for scope in scopes:
        if not is_scope(scope):
            raise MessageInvalidError(
                f"The scope {scope[:200]!r} is not known here; a scope is such as {SCOPE_PREFIX}"
                f"MembershipCredential:read, or {ID_SCOPE_PREFIX} with the id of a credential.",
                code="scope_unknown",
            )


def _discriminator(scope: str, prefix: str) -> str:
    if not scope.startswith(prefix):
        return ""
    rest = scope.removeprefix(prefix)
    head, separator, end = rest.rpartition(":")
    return head if separator and end in _ENDS else rest


def _refuse(message: str, code: str) -> PeerUnauthenticatedError:
    return PeerUnauthenticatedError(message, code=code)
