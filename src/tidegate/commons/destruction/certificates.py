"""Certificates of destruction: canonical JSON signed as a compact JWS (RFC 7515) with ES256."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tidegate.commons.model import Certificate, Derived, Destruction, Holding
from tidegate.kernel.canonical import canonical_json
from tidegate.kernel.errors import CorruptError, InvalidError
from tidegate.keys import rules as keyed
from tidegate.keys.service import KeyRing

MEDIA_TYPE = "application/vnd.tidegate.certificate+jws"
METHOD = (
    "cryptographic erase (NIST SP 800-88 Rev. 2): AES-256-GCM keys overwritten, flushed, removed"
)
NOT_COVERED = "results released under disclosure control before this moment"

ResolveKey = Callable[[str, str], Mapping[str, Any]]
"""Return the public JWK of a DID's key by its id."""


class CertificateRefusedError(InvalidError):
    """What came is no certificate its sender may give."""


class CertificateForgedError(CorruptError):
    """The certificate's signature does not hold."""


def version_body(
    holding: Holding,
    destruction: Destruction,
    derived: tuple[Derived, ...],
    *,
    keys: int,
    refused: int,
) -> dict[str, object]:
    """Return what a certificate says about a destroyed version (fields after NIST SP 800-88)."""
    return {
        "subject": f"version:{holding.version_id}",
        "dataset": holding.dataset_id,
        "reason": destruction.reason,
        "method": METHOD,
        "keys_destroyed": keys,
        "objects_deleted": len(holding.objects()),
        "verification": f"decryption refused for {refused} of {len(holding.objects())} objects",
        "requested_by": destruction.requested_by,
        "requested_at": destruction.requested_at,
        "approved_by": destruction.approved_by,
        "approved_at": destruction.approved_at,
        "derived": [copy_words(copy) for copy in derived],
        "not_covered": NOT_COVERED,
    }


def derived_body(
    agreement_id: str, reason: str, copies: tuple[Derived, ...], refused: int
) -> dict[str, object]:
    """Return what a certificate says about derived copies destroyed at an agreement's end."""
    return {
        "subject": f"agreement:{agreement_id}",
        "reason": reason,
        "method": METHOD,
        "keys_destroyed": len(copies),
        "objects_deleted": len(copies),
        "verification": f"decryption refused for {refused} of {len(copies)} objects",
        "derived": [copy_words(copy) for copy in copies],
        "not_covered": NOT_COVERED,
    }


def copy_words(copy: Derived) -> dict[str, object]:
    """Describe a derived copy without any of its content."""
    return {
        "id": copy.id,
        "kind": copy.kind,
        "name": copy.name,
        "holder": copy.holder,
        "source": copy.source,
        "agreement": copy.agreement_id,
        "state": copy.state.value,
    }


def sign(
    keys: KeyRing, body: Mapping[str, object], *, certificate_id: str, issuer: str, at: str
) -> Certificate:
    """Sign a certificate with the node's identity key."""
    whole = {**body, "id": certificate_id, "issuer": issuer, "issued_at": at}
    header = {"kid": keys.identity_kid, "typ": MEDIA_TYPE}
    token = keyed.sign(keys.identity_key(), header, canonical_json(whole))
    return Certificate(certificate_id, str(body["subject"]), issuer, at, whole, token)


def verify(token: Any, sender: str, resolve_key: ResolveKey) -> Certificate:
    """Read a certificate and check that `sender` issued and signed it."""
    if not isinstance(token, str) or len(token) > 1_000_000:
        raise CertificateRefusedError("A certificate is a compact JWS.")
    header = keyed.header_of(token)
    try:
        payload = keyed.payload_of(token)
        holds = keyed.holds(
            token, str(header.get("alg")), resolve_key(sender, str(header.get("kid", "")))
        )
    except ValueError:
        holds = False
    if not holds:
        raise CertificateForgedError(
            "The certificate's signature does not hold; ask its issuer to send it again."
        )
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        raise CertificateRefusedError("A certificate signs one JSON object.") from None
    wanted = ("id", "subject", "issuer", "issued_at")
    if not isinstance(body, dict) or not all(isinstance(body.get(name), str) for name in wanted):
        raise CertificateRefusedError("The certificate lacks its id, subject, issuer or time.")
    if body["issuer"] != sender:
        raise CertificateRefusedError("A node may send only the certificates it issued itself.")
    return Certificate(body["id"], body["subject"], body["issuer"], body["issued_at"], body, token)
