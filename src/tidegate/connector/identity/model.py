"""The nouns of identity: DID documents, credentials, tokens and what a node is configured with."""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

from tidegate.access.model import Seat
from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.kernel.values import dataclass

MEMBERSHIP = "MembershipCredential"
SEAT = "SeatCredential"
SCOPE_PREFIX = "org.eclipse.dspace.dcp.vc.type:"
MEMBER_SCOPE = (f"{SCOPE_PREFIX}{MEMBERSHIP}:read", f"{SCOPE_PREFIX}{SEAT}:read")

VC_FORMAT = "vc20-bssl/jwt"


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """How long things live and how much clock skew is forgiven (DCP 1.0 leaves both open)."""

    token_seconds: int = 60
    access_seconds: int = 300
    leeway_seconds: int = 10
    longest_token_seconds: int = 900
    document_cache_seconds: int = 300
    document_retry_seconds: int = 10
    unreachable_seconds: int = 1
    peer_cache_seconds: int = 60
    status_cache_seconds: int = 60
    credential_seconds: int = 24 * 3600
    status_list_seconds: int = 24 * 3600
    person_seconds: int = 300


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """Who this node is on the wire."""

    did: str
    name: str
    seat: Seat
    base_url: str
    is_authority: bool


@dataclass(frozen=True, slots=True)
class VerificationMethod:
    """A public key of a DID document, by its absolute id."""

    id: str
    controller: str
    jwk: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """A service of a DID document."""

    id: str
    type: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class DidDocument:
    """A DID document (W3C DID 1.0), with every reference made absolute."""

    id: str
    methods: tuple[VerificationMethod, ...]
    authentication: tuple[str, ...] = ()
    assertion_method: tuple[str, ...] = ()
    capability_invocation: tuple[str, ...] = ()
    services: tuple[ServiceEntry, ...] = ()

    def find_endpoint(self, service_type: str) -> str | None:
        """Return the address of the first service of that type, without a trailing slash."""
        for entry in self.services:
            if entry.type == service_type:
                return entry.endpoint.rstrip("/")
        return None


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """Where a credential's revocation can be looked up (Bitstring Status List 1.0)."""

    list_url: str
    index: int
    purpose: str = "revocation"
    type: str = "BitstringStatusListEntry"


@dataclass(frozen=True, slots=True)
class Credential:
    """A verifiable credential of either data model, in one shape."""

    id: str
    types: tuple[str, ...]
    issuer: str
    subject: str
    claims: Mapping[str, Any]
    valid_from: str
    valid_until: str
    status: tuple[StatusEntry, ...] = ()
    has_schema: bool = False
    jwt: str = field(default="", repr=False)

    @property
    def type(self) -> str:
        """The type beyond `VerifiableCredential`."""
        return next((name for name in self.types if name != "VerifiableCredential"), "")


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who sent a request, as its self-issued ID token proves it; no credentials seen yet."""

    did: str
    access_token: str = ""
    expires_at: str = ""


class RequestStatus(StrEnum):
    """Where a credential request stands, in DCP's words."""

    RECEIVED = "RECEIVED"
    REJECTED = "REJECTED"
    ISSUED = "ISSUED"


@dataclass(frozen=True, slots=True)
class CredentialRequest:
    """What a holder asked the authority for."""

    id: str
    holder: str
    holder_pid: str
    types: tuple[str, ...]
    status: RequestStatus
    reason: str = ""
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class IssuedCredential:
    """A credential the authority has issued: its place in the status list, and its end."""

    id: str
    request_id: str
    holder: str
    type: str
    list_number: int
    list_index: int
    issued_at: str
    expires_at: str
    revoked_at: str | None = None
    revoked_reason: str = ""


def key_fingerprint(jwk: Mapping[str, Any]) -> str:
    """Hash the required members of a P-256 public key (RFC 7638 §3.2); hexadecimal."""
    return sha256_hex(
        canonical_json({name: jwk.get(name, "") for name in ("crv", "kty", "x", "y")})
    )
