"""Who speaks: tokens we send, tokens we accept, and the peers behind them."""

from tidegate.connector.errors import NoSpaceError
from tidegate.connector.identity.model import MEMBER_SCOPE, DidDocument, Speaker
from tidegate.connector.model import Peer


class IdentityService:
    """Prove this node to others and others to this node (DCP 1.0)."""

    def token_for(self, audience: str) -> str:
        """Return a fresh `Bearer …` header value for one call to the node with DID `audience`."""
        raise NoSpaceError("The node belongs to no space yet.")

    def authenticate(
        self, authorization: str | None, *, scope: tuple[str, ...] = MEMBER_SCOPE
    ) -> Peer:
        """Return the member behind an Authorization header.

        Raises:
            PeerUnauthenticatedError: no token, or one that does not prove the caller (401).
            PeerRefusedError: the caller is known, and is not a member in good standing (403).
            UnavailableError: the caller's node or the authority cannot be reached (503).
        """
        raise NoSpaceError("The node belongs to no space yet.")

    def identify(self, authorization: str | None) -> Speaker:
        """Return the DID behind an Authorization header, without asking for credentials."""
        raise NoSpaceError("The node belongs to no space yet.")

    def resolve_did(self, did: str) -> DidDocument:
        """Return the DID document of another node, from the cache when fresh."""
        raise NoSpaceError("The node belongs to no space yet.")

    def endpoint_of(self, did: str, service_type: str) -> str:
        """Return the address of a service of another node (`DataService` is its DSP base)."""
        raise NoSpaceError("The node belongs to no space yet.")
