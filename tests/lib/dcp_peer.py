"""A counterpart that plays every role of the Decentralized Claims Protocol, without sockets.

What it says is written here from the specification and shares no code with the product; the wire
is the in-memory one. Each fault of a token is named as the official kit names it.
"""

import json
import time
import uuid
from base64 import urlsafe_b64decode
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

import httpx
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lib.dps_peer import Signer
from lib.space_world import Wire
from tidegate.connector.http.service import PeerHttp
from tidegate.node.build import open_node
from tidegate.node.server import make_app
from tidegate_tck.home import make_home
from tidegate_tck.model import Place

CONTEXT = "https://w3id.org/dspace-dcp/v1.0/dcp.jsonld"
NODE, KIT = "http://localhost:9000", "http://localhost:8083"
NODE_DID = "did:web:localhost%3A9000"
TYPE = "org.eclipse.dspace.dcp.vc.type:"
MEMBER, SENSITIVE = "MembershipCredential", "SensitiveDataCredential"
OLDER = "vc11-sl2021/jwt"
RELATIONS = ("authentication", "assertionMethod", "capabilityInvocation")

FAULTS = (
    "noAuthHeader", "missingBearerPrefix", "tokenSignedWithWrongKey", "tokenExpired", "iatInFuture",
    "nbfViolated", "incorrectAudience", "issNotEqualToSub",
)  # fmt: skip


def did(role):
    return f"did:web:localhost%3A8083:{role}"


def moment(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


@dataclass
class Said:
    """What the node answered."""

    status: int
    body: object
    headers: dict


class Kit:
    """Holder, issuer, verifier and a third party, each with its key and DID document."""

    def __init__(self, wire):
        self.keys = {
            role: Signer(f"{did(role)}#key-1")
            for role in ("holder", "issuer", "verifier", "thirdparty")
        }
        self.documents = {role: self.document(role) for role in self.keys}
        self.delivered: list[dict] = []
        self.queries: list[dict] = []
        self.answer: object = None
        self.served: dict[str, object] = {}
        wire.apps["localhost:8083"] = Starlette(
            routes=[
                Route("/{role}/did.json", self._did),
                Route("/presentations/query", self._query, methods=["POST"]),
                Route("/credentials", self._credentials, methods=["POST"]),
                Route("/{path:path}", self._served),
            ]
        )

    def document(self, role, **changes):
        key = self.keys[role]
        services = ("CredentialService", "IssuerService")
        return {
            "@context": ["https://www.w3.org/ns/did/v1"], "id": did(role),
            "service": [{"id": name, "type": name, "serviceEndpoint": KIT} for name in services],
            "verificationMethod": [
                {"id": key.kid, "type": "JsonWebKey2020", "controller": did(role),
                 "publicKeyJwk": key.jwk, "publicKeyMultibase": None}
            ],
            **{name: [key.kid] for name in RELATIONS}, **changes,
        }  # fmt: skip

    async def _did(self, request):
        document = self.documents.get(request.path_params["role"])
        return Response(json.dumps(document), 200 if document else 404)

    async def _query(self, request):
        self.queries.append(json.loads(await request.body()))
        if self.answer is None:
            return Response(status_code=401)
        body = {"@context": [CONTEXT], "type": "PresentationResponseMessage"}
        return JSONResponse({**body, "presentation": self.answer})

    async def _credentials(self, request):
        self.delivered.append(json.loads(await request.body()))
        return Response(status_code=201)

    async def _served(self, request):
        found = self.served.get(request.path_params["path"])
        return Response(status_code=404) if found is None else JSONResponse(found)

    def token(self, role, *, aud=NODE_DID, **changes):
        claims = {"iss": did(role), "sub": did(role), "aud": aud, **changes}
        return self.keys[role].sign(**claims)

    def authorization(self, role, fault="", **changes):
        """Return the header with a good token, or with one fault of the kit's."""
        now, signer = int(time.time()), role
        wrong = {
            "tokenExpired": {"exp": now - 60},
            "iatInFuture": {"iat": now + 60},
            "nbfViolated": {"nbf": now + 60},
            "incorrectAudience": {"aud": did("thirdparty")},
            "issNotEqualToSub": {"sub": did("thirdparty")},
        }.get(fault, {})
        if fault == "noAuthHeader":
            return None
        if fault == "tokenSignedWithWrongKey":
            forger = Signer(self.keys[role].kid)
            claims = {"iss": did(role), "sub": did(role), "aud": NODE_DID, **changes}
            return "Bearer " + forger.sign(**claims)
        text = self.token(signer, **{**changes, **wrong})
        return text if fault == "missingBearerPrefix" else "Bearer " + text

    def credential(self, kind=MEMBER, *, issuer="issuer", subject=NODE_DID, **changes):
        """Return a credential of VC 1.1 as JWT, in the form of the official kit."""
        vc = {
            "@context": ["https://www.w3.org/2018/credentials/v1"], "id": str(uuid.uuid4()),
            "type": ["VerifiableCredential", kind], "issuer": did(issuer),
            "issuanceDate": moment(-1), "expirationDate": moment(600),
            "credentialSubject": {"id": subject, "foo": "bar"}, **changes,
        }  # fmt: skip
        return self.keys[issuer].sign(iss=did(issuer), sub=vc["credentialSubject"]["id"], vc=vc)

    def presentation(self, *jwts, aud=NODE_DID, role="holder"):
        vp = {"type": "VerifiablePresentation", "verifiableCredential": list(jwts)}
        return self.keys[role].sign(iss=did(role), sub=did(role), aud=aud, vp=vp)


@dataclass
class Bench:
    """The kit, a node fitted for one of its runs, and the wire between them."""

    kit: Kit
    wire: Wire
    node: object
    settings: dict = field(default_factory=dict)

    def call(self, method, path, body=None, authorization=None, **headers):
        content = json.dumps(body).encode() if body is not None else b""
        if authorization:
            headers["authorization"] = authorization
        request = httpx.Request(method, NODE + path, content=content, headers=headers)
        response = self.wire.handle_request(request)
        response.read()
        is_json = response.headers.get("content-type", "") == "application/json"
        return Said(
            response.status_code,
            json.loads(response.content) if is_json else response.text,
            dict(response.headers),
        )

    def access(self, *types, audience="verifier"):
        """Have the node's token service grant these types; return the access token inside."""
        form = {
            "grant_type": "client_credentials", "audience": did(audience),
            "client_id": self.settings["dataspacetck.sts.client.id"],
            "client_secret": self.settings["dataspacetck.sts.client.secret"],
            "bearer_access_scope": " ".join(f"{TYPE}{one}:read" for one in types),
        }  # fmt: skip
        request = httpx.Request("POST", f"{NODE}/dcp/sts/token", content=urlencode(form).encode())
        response = self.wire.handle_request(request)
        response.read()
        return claims_of(json.loads(response.content)["access_token"])["token"]


def claims_of(jwt):
    """Return the claims of a JWT, unproven."""

    part = jwt.split(".")[1]
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@contextmanager
def dcp_bench(home, made):
    """Open a node with a profile of the test plugin, the scripted kit on the other side."""
    place = Place(NODE, KIT)
    profile = made(place)
    make_home(home, place, profile)
    wire = Wire()
    kit = Kit(wire)
    fittings = replace(profile.fittings, http=lambda settings: PeerHttp(settings, transport=wire))
    with open_node(home, fittings) as node:
        wire.apps["localhost:9000"] = make_app(node)
        node.runner.start()
        try:
            yield Bench(kit, wire, node, dict(profile.settings))
        finally:
            node.runner.stop()
