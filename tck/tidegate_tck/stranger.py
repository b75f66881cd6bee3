"""A participant of no space: how the kit proves itself, and which rules it is under."""

from dataclasses import dataclass
from typing import Any

from tidegate.access.model import Seat
from tidegate.connector.errors import PeerUnauthenticatedError
from tidegate.connector.identity.model import DidDocument, ServiceEntry
from tidegate.connector.model import Peer
from tidegate.policy.model import Decision, Outcome

TOKEN = "Bearer kit"  # noqa: S105 - the kit checks no token, and any proves it here


@dataclass(frozen=True, slots=True)
class AnyTokenIsTheKit:
    """Whoever shows any token is `name`, reached at `address`; all else is the node's own."""

    own: Any
    name: str
    address: str

    def __getattr__(self, name: str) -> Any:
        """Return what the node's own identity room has."""
        return getattr(self.own, name)

    def authenticate(self, authorization: str | None) -> Peer:
        """Return the kit; raise PeerUnauthenticatedError without a token."""
        if not authorization:
            raise PeerUnauthenticatedError("Show a token; any will do.", code="token_missing")
        return Peer(self.name, self.name, Seat.HK, "participant", ())

    def token_for(self, _audience: str) -> str:
        """Return a header that the kit accepts."""
        return TOKEN

    def endpoint_of(self, _did: str, _service_type: str) -> str:
        """Return where the kit listens."""
        return self.address

    def resolve_did(self, did: str) -> DidDocument:
        """Return a DID document that names the kit's address."""
        return DidDocument(did, (), services=(ServiceEntry("#kit", "DataService", self.address),))


@dataclass(frozen=True, slots=True)
class NoLaw:
    """An assessor that allows: the kit has no permit, no seat and no partners to judge by."""

    own: Any

    def __getattr__(self, name: str) -> Any:
        """Return what the node's own assessment room has."""
        return getattr(self.own, name)

    def has_permit(self, _question: object) -> bool:
        """Tell that a permit covers the kit."""
        return True

    def assess(self, _question: object) -> Decision:
        """Allow what is asked."""
        return Decision(Outcome.ALLOW, (), pack_hash="", inputs_hash="")
