"""The keys a space's authority has had, and what each of them may have signed."""

import functools
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from joserfc.jwk import ECKey

from tidegate.audit.authority.model import (
    Cause,
    Jwk,
    SignedSuccession,
    Succession,
    check_chain,
    jwk_fingerprint,
    read_p256,
    read_successions,
)
from tidegate.audit.encoding import decode_bytes
from tidegate.audit.errors import EvidenceMalformedError, SignatureInvalidError, SuccessionError
from tidegate.audit.jws import Jws, check_es256
from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.kernel.clock import iso, parse_iso
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.values import dataclass

_SECONDS = ("iat", "nbf")
_WRITTEN = ("validFrom", "issuanceDate", "issued_at")


@dataclass(frozen=True, slots=True)
class AuthorityKey:
    """One key: its JWK and name, and until when what it signed is believed (empty: it signs)."""

    jwk: Jwk
    kid: str
    until: str = ""
    is_compromised: bool = False

    def check_may_have_signed(self, dated: str, what: str) -> None:
        """Raise SignatureInvalidError for a statement dated when this key was not believed."""
        if not self.until or (dated and dated <= self.until):
            return
        raise SignatureInvalidError(
            f"The {what} is signed with a former key of the authority, which is believed until"
            f" {self.until}; it is dated {dated or 'nowhere'}.",
            code="former_key",
        )


@dataclass(frozen=True, slots=True)
class KeyHistory:
    """Every key of an authority, the present one last; made by `key_history`, which verifies."""

    space: str
    authority: str
    keys: tuple[AuthorityKey, ...]
    successions: tuple[SignedSuccession, ...]

    @property
    def present(self) -> AuthorityKey:
        """Return the key that signs now."""
        return self.keys[-1]

    def find(self, kid: str) -> AuthorityKey | None:
        """Return the key of that name (a fragment, or a whole id); the present one for no name."""
        name = kid.rpartition("#")[2]
        if not name or name == self.authority:
            return self.present
        return next((each for each in reversed(self.keys) if each.kid == name), None)

    def check(self, document: Jws, what: str) -> AuthorityKey:
        """Return the key that signed a document of the authority.

        Raises:
            SignatureInvalidError: none of them did, or one that may not have at its date.
        """
        named = self.find(str(document.header.get("kid", "")))
        candidates = (named,) if named else tuple(reversed(self.keys))
        for key in candidates:
            try:
                check_es256(document, dict(key.jwk), what)
            except SignatureInvalidError:
                continue
            key.check_may_have_signed(dated(document.payload), what)
            return key
        raise SignatureInvalidError(f"The signature of the {what} does not verify.")


def key_history(
    space: str,
    authority: str,
    first: Jwk,
    evidence_key: bytes,
    listed: tuple[SignedSuccession, ...],
) -> KeyHistory:
    """Verify a history from the keys of the trust file, and return the keys it leads to.

    Raises:
        SuccessionError: it does not hold; the code says how.
    """
    check_chain(space, authority, first, evidence_key, listed)
    jwks = (first, *(each.succession.jwk for each in listed))
    found = []
    for place, jwk in enumerate(jwks):
        after = [each.succession for each in listed[place:]]
        found.append(
            AuthorityKey(
                jwk,
                kid_of(jwk),
                until=min((each.until for each in after), default=""),
                is_compromised=any(each.cause is Cause.COMPROMISED for each in after[:1]),
            )
        )
    return KeyHistory(space, authority, tuple(found), listed)


def next_succession(
    history: KeyHistory, jwk: Jwk, *, at: str, cause: Cause = Cause.PLANNED, until: str = ""
) -> Succession:
    """Return the succession that gives the authority another key; nobody has signed it yet.

    Raises:
        SuccessionError: the moments contradict what is there.
    """
    listed = history.successions
    last = listed[-1].succession if listed else None
    end = until or at
    if end > at or (last and at <= last.at):
        raise SuccessionError("A key changes after the change before, and ends by that moment.")
    return Succession(
        history.space,
        history.authority,
        len(listed) + 1,
        last.sha256 if last else "",
        jwk_fingerprint(dict(history.present.jwk)),
        jwk,
        at,
        end,
        cause,
    )


def kid_of(jwk: Jwk) -> str:
    """Return the name of a key: its RFC 7638 thumbprint."""
    members: dict[str, str | list[str]] = {
        name: value for name, value in jwk if name in ("crv", "kty", "x", "y")
    }
    return ECKey.import_key(members).thumbprint()


def dated(payload: Mapping[str, Any]) -> str:
    """Return the latest moment that a document says it was made at; nothing where it says none."""
    vc = payload.get("vc")
    places = [payload, vc] if isinstance(vc, dict) else [payload]
    moments: list[datetime] = []
    for place in places:
        for name in _SECONDS:
            value = place.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool) and value < 1 << 37:
                moments.append(datetime.fromtimestamp(max(value, 0), UTC))
        for name in _WRITTEN:
            try:
                moments.append(parse_iso(str(place[name])))
            except (KeyError, InvalidError):
                continue
    return iso(max(moments)) if moments else ""


def read_keys(space: str, authority: str, keys: Mapping[str, Any]) -> KeyHistory:
    """Return the keys of an authority that the `keys` of a trust file lead to, verified.

    Raises:
        EvidenceMalformedError: they are not in their strict form.
        SuccessionError: the history does not hold.
    """
    return _read_keys(space, authority, canonical_json(keys))


@functools.lru_cache(maxsize=16)
def _read_keys(space: str, authority: str, text: bytes) -> KeyHistory:
    keys = json.loads(text)
    return key_history(
        space,
        authority,
        read_first_key(keys),
        read_evidence_key(keys),
        read_successions(keys.get("history", [])),
    )


def read_evidence_key(keys: Any) -> bytes:
    """Read the Ed25519 key in the `keys` of a trust file; raise EvidenceMalformedError."""
    try:
        key = decode_bytes(keys["evidence"]["public"])
    except (KeyError, TypeError, EvidenceMalformedError):
        key = b""
    if len(key) != 32:
        raise EvidenceMalformedError("keys.evidence of the trust file holds no Ed25519 key.")
    if keys["evidence"].get("fingerprint") != sha256_hex(key):
        raise EvidenceMalformedError("keys.evidence of the trust file has another fingerprint.")
    return key


def read_first_key(keys: Any) -> Jwk:
    """Read the first identity key in the `keys` of a trust file; raise EvidenceMalformedError."""
    what = "keys.credentials of the trust file"
    part = keys.get("credentials")
    jwk = read_p256(part.get("jwk") if isinstance(part, dict) else None, what)
    if keys["credentials"].get("fingerprint") != jwk_fingerprint(dict(jwk)):
        raise EvidenceMalformedError(f"{what} has another fingerprint.")
    return jwk
