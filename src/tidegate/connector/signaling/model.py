"""Planes that are registered here, the data flows they share, and what is said about them.

Source: Data Plane Signaling 1.0-RC3 (Eclipse).
"""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

from tidegate.connector.dataplane.model import HTTP_PULL, HTTP_PUSH, DataFlowState
from tidegate.connector.messages.model import Side
from tidegate.kernel.values import dataclass

PROFILE_PULL = "https://w3id.org/dspace-sig/profile/http-pull"
PROFILE_PUSH = "https://w3id.org/dspace-sig/profile/http-push"
BASE_PATH = "/dps/v1"

FORMAT_OF: Mapping[str, str] = {PROFILE_PULL: HTTP_PULL, PROFILE_PUSH: HTTP_PUSH}
"""The transfer format of the Dataspace Protocol that each transfer profile carries."""


class PlaneKind(StrEnum):
    """Which half of a connector is registered."""

    DATA = "dataplane"
    CONTROL = "controlplane"


class AuthType(StrEnum):
    """How two planes prove themselves to each other."""

    BEARER = "bearer"
    CLIENT_CREDENTIALS = "oauth2_client_credentials"


class FlowRole(StrEnum):
    """Whose data plane moves the bytes of a flow."""

    HOSTED = "hosted"  # ours, for a control plane elsewhere
    REMOTE = "remote"  # one elsewhere, for our control plane


@dataclass(frozen=True, slots=True)
class Plane:
    """A registered plane, without its secrets.

    `profiles` are a data plane's transfer profiles; `datasets` those that a control plane is to
    have this node serve. They are closed until a legal officer has approved them on some `ground`.
    """

    kind: PlaneKind
    id: str
    endpoint: str
    auth: AuthType
    profiles: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    token_endpoint: str = ""
    client_id: str = ""
    jwks: str = field(default="", repr=False)
    jwks_uri: str = ""
    sealed: str = field(default="", repr=False)
    digest: str = field(default="", repr=False)
    approved_by: str = ""
    approved_at: str = ""
    ground: str = ""
    created_by: str = ""
    created_at: str = ""
    changed_by: str = ""
    changed_at: str = ""

    @property
    def open_datasets(self) -> tuple[str, ...]:
        """The datasets that a control plane may have this node serve now."""
        return self.datasets if self.approved_by else ()

    @property
    def key(self) -> str:
        """The name of the registration."""
        return f"{self.kind}:{self.id}"

    @property
    def formats(self) -> frozenset[str]:
        """The transfer formats a data plane can serve."""
        return frozenset(FORMAT_OF.get(one, one) for one in self.profiles)

    def profile_for(self, name: str) -> str:
        """Return the profile under which this plane serves a format."""
        return next((one for one in self.profiles if FORMAT_OF.get(one, one) == name), name)


@dataclass(frozen=True, slots=True)
class DataFlow:
    """One data flow. A remote one is named like its transfer, a hosted one by this node.

    `process_id` is the control plane's name for it, `remote_id` that of a data plane elsewhere.
    `sealed` keeps the address the flow was given or gave, the digests what renews its token.
    """

    id: str
    role: FlowRole
    plane: str
    process_id: str
    side: Side
    format: str
    profile: str
    agreement_id: str
    dataset_id: str
    version_id: str
    participant: str
    counterparty: str
    state: DataFlowState
    created_by: str
    created_at: str
    changed_by: str
    changed_at: str
    remote_id: str = ""
    sealed: str = field(default="", repr=False)
    access_digest: str = field(default="", repr=False)
    refresh_digest: str = field(default="", repr=False)
    error: str = ""
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Manners:
    """What is forgiven a plane elsewhere. A node that serves forgives nothing.

    `forgives_omissions` accepts status messages without the ids the specification requires,
    `needs_renewal` refuses addresses of the HTTP profile whose token cannot be renewed, `aliases`
    are further names of transfer profiles.
    """

    forgives_omissions: bool = False
    needs_renewal: bool = False
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Registered:
    """A registration as its operator sees it; the token is shown this once."""

    plane: Plane
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An access and a refresh token that were given together, by their hashes.

    `void_at` is empty while the pair may still renew.
    """

    refresh_digest: str = field(repr=False)
    flow: str
    access_digest: str = field(repr=False)
    void_at: str = ""


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """A renewed access token (RFC 6749 §5.1)."""

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str = field(repr=False)
    token_type: str = "Bearer"  # noqa: S105 - the name of a kind of token


@dataclass(frozen=True, slots=True)
class Asked:
    """What an operator wants registered.

    `secret` is what we are to present to the plane, `accepts` what it is to present to us; without
    it a token is made.
    """

    kind: PlaneKind
    id: str
    endpoint: str
    auth: str
    secret: str = field(repr=False)
    profiles: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    token_endpoint: str = ""
    client_id: str = ""
    jwks: Mapping[str, Any] | None = None
    jwks_uri: str = ""
    accepts: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Hosted:
    """How a hosted flow stands after a call, and what the control plane is answered."""

    flow: DataFlow
    document: Mapping[str, Any]

    @property
    def is_later(self) -> bool:
        """Whether the rest is told by a callback."""
        return self.flow.state in {DataFlowState.PREPARING, DataFlowState.STARTING}
