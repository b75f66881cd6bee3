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
CERTIFICATION = "CertificationCredential"
SCOPE_PREFIX = "org.eclipse.dspace.dcp.vc.type:"
ID_SCOPE_PREFIX = "org.eclipse.dspace.dcp.vc.id:"
MEMBER_SCOPE = tuple(f"{SCOPE_PREFIX}{kind}:read" for kind in (MEMBERSHIP, SEAT, CERTIFICATION))


class Relation(StrEnum):
    """What a key of a DID document may be used for (DID Core §5.3)."""

    INVOCATION = "capabilityInvocation"
    AUTHENTICATION = "authentication"
    ASSERTION = "assertionMethod"


VC_FORMAT = "vc20-bssl/jwt"
OLDER_FORMAT = "vc11-sl2021/jwt"
"""The profiles of DCP 1.0.1 appendix A: VC 2.0 with a bitstring list, VC 1.1 with the older one."""


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """How long things live and how much clock skew is forgiven (DCP 1.0 leaves both open)."""

    token_seconds: int = 60
    access_seconds: int = 300
    leeway_seconds: int = 30
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
    has_several_keys: bool = False

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
class SchemaEntry:
    """A JSON schema that a credential says it obeys (VC Data Model 2.0 §4.11)."""

    id: str
    type: str


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
    schemas: tuple[SchemaEntry, ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
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


@dataclass(frozen=True, slots=True)
class StsClient:
    """A program that may ask for tokens in this node's name; no scopes mean no limit."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: str


@dataclass(frozen=True, slots=True)
class PeerRefusal:
    """Why a peer was refused, in words for the operator; `at` is the last time it was."""

    did: str
    code: str
    words: str
    at: str


class RequestStatus(StrEnum):
    """Where a credential request stands, in DCP's words."""

    RECEIVED = "RECEIVED"
    REJECTED = "REJECTED"
    ISSUED = "ISSUED"


@dataclass(frozen=True, slots=True)
class CredentialRequest:
    """What a holder asked the authority for; `types` are ids of the issuer's catalogue."""

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
    format: str = VC_FORMAT


@dataclass(frozen=True, slots=True)
class Certification:
    """That the authority has seen a member's certificate of a scheme, and until when it holds."""

    id: str
    holder: str
    scheme: str
    granted_at: str
    ends_at: str
    withdrawn_at: str | None = None
    withdrawn_reason: str = ""


def key_fingerprint(jwk: Mapping[str, Any]) -> str:
    """Hash the required members of a P-256 public key (RFC 7638 §3.2); hexadecimal."""
    return sha256_hex(
        canonical_json({name: jwk.get(name, "") for name in ("crv", "kty", "x", "y")})
    )
