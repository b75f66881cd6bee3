"""Verifiable presentations as JWT: a holder's signed envelope around its credentials.

Written in the form of VC Data Model 1.1 §6.3.1 (`vp`), which every DCP connector reads; read in
that form and in the form of 2.0 (enveloped credentials at the top).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tidegate.connector.errors import CredentialInvalidError, PeerUnauthenticatedError
from tidegate.connector.identity.credentials import VC1_CONTEXT
from tidegate.connector.identity.rules import moment

_ENVELOPE = "data:application/vc+jwt,"
_MOST_CREDENTIALS = 32


def presentation_claims(
    *,
    holder: str,
    verifier: str,
    credentials: tuple[str, ...],
    jti: str,
    now: datetime,
    seconds: int,
) -> dict[str, Any]:
    """Return the JWT claims of a presentation of these credential JWTs to one verifier."""
    issued = int(now.timestamp())
    return {
        "iss": holder,
        "sub": holder,
        "aud": verifier,
        "jti": jti,
        "iat": issued,
        "nbf": issued,
        "exp": issued + seconds,
        "vp": {
            "@context": [VC1_CONTEXT],
            "type": ["VerifiablePresentation"],
            "verifiableCredential": list(credentials),
        },
    }


def read_presentation(
    claims: Mapping[str, Any], *, holder: str, verifier: str, now: datetime, leeway_seconds: int
) -> tuple[str, ...]:
    """Return the credential JWTs of a presentation whose signature was verified.

    Raises:
        CredentialInvalidError: of another holder, for another verifier, out of time, malformed.
    """
    if claims.get("iss") != holder or claims.get("sub", holder) != holder:
        raise _bad("The presentation is of another holder.", "presentation_of_another")
    if claims.get("aud") not in (verifier, [verifier]):
        raise _bad("The presentation was made for another verifier.", "audience_mismatch")
    _check_times(claims, now.timestamp(), leeway_seconds)
    vp = claims.get("vp", claims)
    if not isinstance(vp, Mapping):
        raise _bad("The presentation is malformed.", "presentation_malformed")
    listed = vp.get("verifiableCredential")
    entries = listed if isinstance(listed, list) else [listed]
    if len(entries) > _MOST_CREDENTIALS:
        raise _bad("The presentation holds too many credentials.", "presentation_malformed")
    return tuple(_credential(entry) for entry in entries)


def _check_times(claims: Mapping[str, Any], now: float, leeway_seconds: int) -> None:
    try:
        if moment(claims, "exp") <= now - leeway_seconds:
            raise _bad("The presentation has expired.", "presentation_expired")
        for name in ("iat", "nbf"):
            if name in claims and moment(claims, name) > now + leeway_seconds:
                raise _bad("The presentation is not valid yet.", "presentation_not_yet_valid")
    except PeerUnauthenticatedError as problem:
        raise _bad(problem.message, problem.code) from None


def _credential(entry: object) -> str:
    if isinstance(entry, str):
        return entry
    if isinstance(entry, dict):
        reference = entry.get("id")
        if isinstance(reference, str) and reference.startswith(_ENVELOPE):
            return reference.removeprefix(_ENVELOPE)
    raise _bad("The presentation holds something that is no credential.", "presentation_malformed")


def _bad(message: str, code: str) -> CredentialInvalidError:
    return CredentialInvalidError(message, code=code)
