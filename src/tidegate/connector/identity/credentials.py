"""Verifiable credentials as JWT: written and read by VC Data Model 2.0 and 1.1.

Sources: VC Data Model 2.0 §4, Securing Verifiable Credentials using JOSE and COSE §3.1 (claims
stand at the top), VC Data Model 1.1 §6.3.1 (claims stand under `vc`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tidegate.connector.errors import CredentialInvalidError
from tidegate.connector.identity.model import Credential, SchemaEntry, StatusEntry
from tidegate.kernel.clock import iso, parse_iso
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.text import whole_number

VC2_CONTEXT = "https://www.w3.org/ns/credentials/v2"
VC1_CONTEXT = "https://www.w3.org/2018/credentials/v1"
VC_TYP = "vc+jwt"
_STATUS_TYPES = frozenset({"BitstringStatusListEntry", "StatusList2021Entry"})
_MOST_STATUSES = 4
_MOST_SCHEMAS = 4
_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def credential_claims(credential: Credential) -> dict[str, Any]:
    """Return the JWT claims of a credential of ours, in the form of VC 2.0."""
    begins, ends = parse_iso(credential.valid_from), parse_iso(credential.valid_until)
    claims: dict[str, Any] = {
        "@context": [VC2_CONTEXT],
        "id": credential.id,
        "type": list(credential.types),
        "issuer": credential.issuer,
        "validFrom": credential.valid_from,
        "validUntil": credential.valid_until,
        "credentialSubject": {"id": credential.subject, **credential.claims},
        "iss": credential.issuer,
        "sub": credential.subject,
        "jti": credential.id,
        "iat": int(begins.timestamp()),
        "nbf": int(begins.timestamp()),
        "exp": int(ends.timestamp()),
    }
    if credential.status:
        claims["credentialStatus"] = _status_claim(credential.status[0])
    return claims


def older_claims(credential: Credential) -> dict[str, Any]:
    """Return the JWT claims of a credential of ours, in the form of VC 1.1 (under `vc`)."""
    begins, ends = parse_iso(credential.valid_from), parse_iso(credential.valid_until)
    vc: dict[str, Any] = {
        "@context": [VC1_CONTEXT],
        "id": credential.id,
        "type": list(credential.types),
        "issuer": credential.issuer,
        "issuanceDate": credential.valid_from,
        "expirationDate": credential.valid_until,
        "credentialSubject": {"id": credential.subject, **credential.claims},
    }
    if credential.status:
        vc["credentialStatus"] = _status_claim(credential.status[0])
    return {
        "iss": credential.issuer,
        "sub": credential.subject,
        "jti": credential.id,
        "iat": int(begins.timestamp()),
        "nbf": int(begins.timestamp()),
        "exp": int(ends.timestamp()),
        "vc": vc,
    }


def _status_claim(entry: StatusEntry) -> dict[str, Any]:
    return {
        "id": f"{entry.list_url}#{entry.index}",
        "type": entry.type,
        "statusPurpose": entry.purpose,
        "statusListIndex": str(entry.index),
        "statusListCredential": entry.list_url,
    }


def read_credential(claims: Mapping[str, Any], jwt: str = "") -> Credential:
    """Read the claims of a credential JWT of either data model.

    The validity is the narrowest that the claims and the credential state together.

    Raises:
        CredentialInvalidError: malformed, or the claims contradict the credential.
    """
    is_first = isinstance(claims.get("vc"), dict)
    vc: Mapping[str, Any] = claims["vc"] if is_first else claims
    subject, stated = _subject(vc)
    issuer = _issuer(vc, claims)
    _agree(claims.get("iss"), issuer, "issuer")
    _agree(claims.get("sub"), subject, "subject")
    first, last = ("issuanceDate", "expirationDate") if is_first else ("validFrom", "validUntil")
    begins = [_date(claims, "nbf"), _written(vc, first)]
    ends = [_date(claims, "exp"), _written(vc, last)]
    if not any(ends):
        raise _bad("The credential has no end.")
    return Credential(
        id=_text(vc.get("id") or claims.get("jti"), "id"),
        types=_types(vc),
        issuer=issuer,
        subject=subject,
        claims=stated,
        valid_from=iso(max((each for each in begins if each), default=_ANY_TIME)),
        valid_until=iso(min(each for each in ends if each)),
        status=_statuses(vc),
        schemas=_schemas(vc),
        document=vc,
        jwt=jwt,
    )


def check_credential(
    credential: Credential, *, issuer: str, holder: str, now: datetime, leeway_seconds: int
) -> None:
    """Raise CredentialInvalidError unless the credential holds: issuer, holder, validity.

    The signature, the status and the schema are checked elsewhere, since they need the network.
    """
    if credential.issuer != issuer:
        raise _bad("The credential's issuer is not the authority of the space.", "issuer_untrusted")
    if credential.subject != holder:
        raise _bad("The credential was issued to somebody else.", "holder_mismatch")
    if "VerifiableCredential" not in credential.types:
        raise _bad("The credential is of no type known here.", "credential_type_unknown")
    if parse_iso(credential.valid_from).timestamp() > now.timestamp() + leeway_seconds:
        raise _bad("The credential is not valid yet.", "credential_not_yet_valid")
    if parse_iso(credential.valid_until) <= now:
        raise _bad("The credential has expired.", "credential_expired")


def _issuer(vc: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    found = vc.get("issuer", claims.get("iss"))
    return _text(found.get("id") if isinstance(found, dict) else found, "issuer")


def _subject(vc: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    found = vc.get("credentialSubject")
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, dict):
        raise _bad("The credential must have exactly one subject.")
    return _text(found.get("id"), "subject"), {k: v for k, v in found.items() if k != "id"}


def _types(vc: Mapping[str, Any]) -> tuple[str, ...]:
    found = vc.get("type")
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise _bad("The credential's type must be a list of names.")
    return tuple(found)


def _statuses(vc: Mapping[str, Any]) -> tuple[StatusEntry, ...]:
    found = vc.get("credentialStatus")
    if found is None:
        return ()
    entries = found if isinstance(found, list) else [found]
    if len(entries) > _MOST_STATUSES:
        raise _bad("The credential has too many status entries.")
    return tuple(_status(entry) for entry in entries)


def _schemas(vc: Mapping[str, Any]) -> tuple[SchemaEntry, ...]:
    found = vc.get("credentialSchema")
    if found is None:
        return ()
    entries = found if isinstance(found, list) else [found]
    if len(entries) > _MOST_SCHEMAS or not all(isinstance(entry, dict) for entry in entries):
        raise _bad("The credential's schema is malformed.")
    return tuple(
        SchemaEntry(_text(entry.get("id"), "schema"), _text(entry.get("type"), "schema type"))
        for entry in entries
    )


def _status(entry: object) -> StatusEntry:
    kind = entry.get("type") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(kind, str) or kind not in _STATUS_TYPES:
        raise _bad("The credential's status is of a kind that cannot be checked here.")
    index = entry.get("statusListIndex")
    if isinstance(index, str):
        index = whole_number(index)
    if isinstance(index, bool) or not isinstance(index, int):
        raise _bad("The credential's status has no place in a list.")
    return StatusEntry(
        list_url=_text(entry.get("statusListCredential"), "status list"),
        index=index,
        purpose=_text(entry.get("statusPurpose"), "status purpose"),
        type=kind,
    )


def _date(claims: Mapping[str, Any], name: str) -> datetime | None:
    found = claims.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < 1 << 37:
        raise _bad(f"The credential's {name} is no moment.")
    return datetime.fromtimestamp(found, UTC)


def _written(vc: Mapping[str, Any], name: str) -> datetime | None:
    found = vc.get(name)
    if found is None:
        return None
    try:
        return parse_iso(_text(found, name))
    except InvalidError:
        raise _bad(f"The credential's {name} is no moment.") from None


def _agree(claimed: object, stated: str, what: str) -> None:
    if claimed is not None and claimed != stated:
        raise _bad(f"The token and the credential inside name different {what}s.")


def _text(found: object, what: str) -> str:
    if not isinstance(found, str) or not 0 < len(found) <= 2048:
        raise _bad(f"The credential's {what} is missing or malformed.")
    return found


def _bad(message: str, code: str = "credential_malformed") -> CredentialInvalidError:
    return CredentialInvalidError(message, code=code)
