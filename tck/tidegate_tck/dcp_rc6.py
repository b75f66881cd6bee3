"""Where the edition 1.0.0-RC6 of the DCP kit departs from DCP 1.0.1, put right for the node.

1.0.2 has none of these. The kit of RC6

- publishes DID documents that allow its keys for no purpose at all,
- signs credentials whose JWT subject is the credential's id instead of its subject's DID, and whose
  type is the bare name without `VerifiableCredential`,
- calls the credential format by the name of its own constant instead of the profile's,
- expects a refusal where more is asked for than was granted, and not the granted part.

Every signature, holder, time and status is checked as ever.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from tidegate.api.dcp import Answerer, authorization_of, machine_route
from tidegate.api.kit import json_response
from tidegate.connector.errors import PeerRefusedError
from tidegate.connector.http.model import Answer, HttpSettings
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity import jose
from tidegate.connector.identity.model import OLDER_FORMAT
from tidegate.connector.identity.rules import read_scope
from tidegate.connector.identity.verifier import PresentationVerifier
from tidegate.node.build import Node
from tidegate_tck.model import Place, Profile

QUERY = "/dcp/holder/presentations/query"
RELATIONS = ("authentication", "assertionMethod", "capabilityInvocation")
KIT_FORMAT = "VC1_0_JWT"

Document = Mapping[str, Any]


def corrected(made: Callable[[Place], Profile]) -> Callable[[Place], Profile]:
    """Return a profile with the corrections of this edition."""

    def profile(place: Place) -> Profile:
        plain = made(place)

        def routes(node: Node) -> Sequence[BaseRoute]:
            identity = node.house.identity
            identity.verifier = Lenient.of(identity.verifier)
            return [machine_route(QUERY, "POST", _all_or_none(node)), *plain.fittings.routes(node)]

        fittings = replace(
            plain.fittings, http=lambda settings: Wire(settings, place.kit), routes=routes
        )
        return replace(plain, fittings=fittings)

    return profile


def _all_or_none(node: Node) -> Answerer:
    """Answer a query as the node does, and refuse it where a type that was asked for is missing."""

    def query(request: Request, body: object) -> Response:
        answer = node.house.wallet.answer_query(authorization_of(request), body)
        asked = read_scope(tuple(body["scope"] if isinstance(body, dict) else ()))
        shown = {
            kind
            for presentation in answer["presentation"]
            for jwt in jose.read(presentation).claims["vp"]["verifiableCredential"]
            for kind in jose.read(jwt).types
        }
        if not asked.types <= shown:
            raise PeerRefusedError("More is asked for than was granted.", code="scope_exceeded")
        return json_response(answer)

    return query


class Wire(PeerHttp):
    """The outgoing client, with what goes to the kit and comes from it put right."""

    def __init__(self, settings: HttpSettings, kit: str) -> None:
        super().__init__(settings)
        self._kit = urlsplit(kit).netloc

    def get(self, url: str, *, authorization: str = "", seconds: float | None = None) -> Answer:
        """Ask for a document; the kit's keys are allowed for every purpose."""
        answer = super().get(url, authorization=authorization, seconds=seconds)
        if not self._is_kits(url) or not url.endswith("/did.json") or answer.body is None:
            return answer
        keys = [each["id"] for each in answer.body.get("verificationMethod", [])]
        return replace(answer, body={**answer.body, **dict.fromkeys(RELATIONS, keys)})

    def post(
        self, url: str, body: object, *, authorization: str = "", seconds: float | None = None
    ) -> Answer:
        """Send a document; credentials go to the kit under its own name of their format."""
        if self._is_kits(url) and isinstance(body, dict) and "credentials" in body:
            body = {**body, "credentials": [_renamed(each) for each in body["credentials"]]}
        return super().post(url, body, authorization=authorization, seconds=seconds)

    def _is_kits(self, url: str) -> bool:
        return urlsplit(url).netloc == self._kit


def _renamed(each: Document) -> Document:
    return {**each, "format": KIT_FORMAT} if each.get("format") == OLDER_FORMAT else each


class Lenient(PresentationVerifier):
    """Reads the kit's credentials, whose subject and type stand in other places."""

    @classmethod
    def of(cls, plain: PresentationVerifier) -> "Lenient":
        """Return the verifier of a node with the corrections."""
        parts = ("did", "http", "resolver", "statuses", "schemas", "clock", "settings")
        return cls(*(getattr(plain, name) for name in parts))

    def proven(self, jwt: str, authority: str) -> Document:
        """Return the claims of a proven credential, put right."""
        claims = super().proven(jwt, authority)
        vc = claims.get("vc")
        if not isinstance(vc, dict):
            return claims
        types = list(dict.fromkeys(["VerifiableCredential", *vc.get("type", [])]))
        subject = vc.get("credentialSubject", {}).get("id")
        return {**claims, "sub": subject, "vc": {**vc, "type": types}}
