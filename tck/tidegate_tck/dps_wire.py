"""How the DPS kit proves itself, and how its answers are completed."""

import json
from dataclasses import replace
from typing import Any

from tidegate.access.model import Seat
from tidegate.connector.errors import PeerUnauthenticatedError
from tidegate.connector.http.model import Answer
from tidegate.connector.identity.model import DidDocument, ServiceEntry
from tidegate.connector.model import Peer
from tidegate.kernel.values import dataclass


@dataclass(frozen=True, slots=True)
class NamedClients:
    """Whoever shows `{"clientId": NAME}` is NAME, reached at `address`."""

    own: Any
    address: str

    def __getattr__(self, name: str) -> Any:
        """Return what the node's own identity room has."""
        return getattr(self.own, name)

    def authenticate(self, authorization: str | None) -> Peer:
        """Return the named client; raise PeerUnauthenticatedError where none is named."""
        try:
            said = json.loads(authorization or "")
            name = said["clientId"]
        except (ValueError, TypeError, KeyError):
            raise PeerUnauthenticatedError(
                "Name yourself as a JSON object with clientId.", code="token_missing"
            ) from None
        return Peer(str(name), str(name), Seat.HK, "participant", ())

    def token_for(self, _audience: str) -> str:
        """Return this node's own name in the kit's scheme."""
        return json.dumps({"clientId": self.own.node.did})

    def endpoint_of(self, _did: str, _service_type: str) -> str:
        """Return where the kit listens."""
        return self.address

    def resolve_did(self, did: str) -> DidDocument:
        """Return a DID document that names the kit's address."""
        return DidDocument(did, (), services=(ServiceEntry("#kit", "DataService", self.address),))


@dataclass(frozen=True, slots=True)
class ForgivingWire:
    """The way to peers; answers about transfers are completed where the kit leaves members out."""

    own: Any

    def __getattr__(self, name: str) -> Any:
        """Return what the node's own client has."""
        return getattr(self.own, name)

    def post(
        self, url: str, body: object, *, authorization: str = "", seconds: float | None = None
    ) -> Answer:
        """Send a document; give a TransferProcess its list of contexts and its state."""
        answer: Answer = self.own.post(url, body, authorization=authorization, seconds=seconds)
        said = answer.body
        if not isinstance(said, dict) or said.get("@type") != "TransferProcess":
            return answer
        context = said.get("@context")
        listed = [context] if isinstance(context, str) else context
        return replace(answer, body={"state": "REQUESTED", **said, "@context": listed})
