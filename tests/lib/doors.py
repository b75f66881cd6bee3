"""The doors of a node for other nodes, all of them, with valid messages to knock with."""

import base64
import json
from types import SimpleNamespace

import httpx
from joserfc.jwk import ECKey
from sqlalchemy import func, select

from lib.dsp_nodes import RESEARCHER, DspNode, Network, agreed, pump, quick_ground
from lib.space_world import World
from tidegate.api import dsp
from tidegate.connector.identity import jose
from tidegate.connector.messages.wire import BASE_PATH, CONTEXT
from tidegate.db.tables.audit import audit_leaf
from tidegate.db.tables.connector import (
    connector_message,
    connector_negotiation,
    connector_transfer,
)
from tidegate.db.tables.connector_identity import connector_message_seen
from tidegate.db.tables.work import work_task

TYPES = {
    "/catalog/request": "CatalogRequestMessage",
    "/negotiations/request": "ContractRequestMessage",
    "/negotiations/offers": "ContractOfferMessage",
    "/negotiations/{pid}/request": "ContractRequestMessage",
    "/negotiations/{pid}/offers": "ContractOfferMessage",
    "/negotiations/{pid}/agreement": "ContractAgreementMessage",
    "/negotiations/{pid}/agreement/verification": "ContractAgreementVerificationMessage",
    "/negotiations/{pid}/events": "ContractNegotiationEventMessage",
    "/negotiations/{pid}/termination": "ContractNegotiationTerminationMessage",
    "/transfers/request": "TransferRequestMessage",
    "/transfers/{pid}/start": "TransferStartMessage",
    "/transfers/{pid}/completion": "TransferCompletionMessage",
    "/transfers/{pid}/suspension": "TransferSuspensionMessage",
    "/transfers/{pid}/termination": "TransferTerminationMessage",
}
ERRORS = {
    "/catalog": "CatalogError",
    "/negotiat": "ContractNegotiationError",
    "/transfer": "TransferError",
}
RULES = {"permission": [{"action": "use", "constraint": []}]}
OFFER = {"@type": "Offer", "@id": "offer_1", "target": "ds_1", **RULES}


def message_for(path: str, ours: str, theirs: str, callback: str) -> dict | None:
    """Return a valid message for an operation of a provider; None where it takes none."""
    kind = TYPES.get(path)
    if kind is None:
        return None
    said = {"@context": [CONTEXT], "@type": kind, "@id": "urn:uuid:message", "consumerPid": theirs}
    opens = "{pid}" not in path
    if not opens:
        said["providerPid"] = ours
    elif kind != "CatalogRequestMessage":
        said["callbackAddress"] = callback
    more = {
        "ContractRequestMessage": {"offer": OFFER},
        "ContractOfferMessage": {
            "providerPid": ours, "offer": OFFER
        },
        "ContractAgreementMessage": {
            "agreement": {
                "@type": "Agreement", "@id": "urn:uuid:agreement", "target": "ds_1",
                "assigner": "did:web:a", "assignee": "did:web:b", **RULES,
            }
        },
        "ContractNegotiationEventMessage": {"eventType": "ACCEPTED"},
        "TransferRequestMessage": {
            "agreementId": "urn:uuid:agreement", "format": "Tidegate-Visit",
            "dataAddress": {
                "@type": "DataAddress", "endpointType": "urn:x",
                "endpointProperties": [{"@type": "EndpointProperty", "name": "a", "value": "b"}],
            },
        },
        "ContractNegotiationTerminationMessage": {"code": "no", "reason": ["No."]},
        "TransferTerminationMessage": {"code": "no", "reason": ["No."]},
    }  # fmt: skip
    said.update(more.get(kind, {}))
    if kind == "CatalogRequestMessage" or (opens and kind == "ContractOfferMessage"):
        said.pop("consumerPid")
    return said


DSP = [(method, path) for method, path, _, _ in dsp.OPERATIONS]
DSP_ABOUT_PIDS = [(m, p) for m, p in DSP if "{pid}" in p]
OTHERS = [
    ("POST", "/peer/messages"),
    ("POST", "/dcp/holder/presentations/query"),
    ("POST", "/dcp/holder/credentials"),
    ("POST", "/dcp/holder/offers"),
    ("POST", "/dcp/issuer/credentials"),
    ("GET", "/dcp/issuer/requests/creq_1"),
    ("POST", "/space/join"),
    ("GET", "/space/members"),
]


class Doors:
    """A hospital's doors: a negotiation and a visit with the faculty are under way behind them."""

    def __init__(self, world: World, folder) -> None:
        self.world = world
        self.authority, self.faculty, self.hospital, self.clinic = world.nodes
        network, clock = Network(), world.clock
        self.dsp = DspNode(network, quick_ground(folder / "h", self.hospital.did, clock))
        self.peer = DspNode(network, quick_ground(folder / "f", self.faculty.did, clock))
        self.agreement = agreed(self.dsp, self.peer)
        self.dsp.rules.permit = False
        self.peer.negotiation.request(self.hospital.did, "ds_1", by=RESEARCHER)
        self.peer.transfer.request_visit(self.agreement, by=RESEARCHER)
        pump(self.dsp, self.peer)
        self.negotiation = next(
            one for one in self.dsp.negotiation.list_negotiations() if one.state == "REQUESTED"
        )
        (self.transfer,) = self.dsp.transfer.list_transfers()
        rooms = SimpleNamespace(
            identity=self.hospital.identity, negotiation=self.dsp.negotiation,
            transfer=self.dsp.transfer, dsp_catalog=self.dsp.dsp_catalog,
        )  # fmt: skip
        self.hospital.app.router.routes.extend(dsp.routes(rooms))
        self.client = httpx.Client(transport=world.wire)

    def close(self) -> None:
        self.client.close()
        self.dsp.ground.close()
        self.peer.ground.close()

    def process(self, path: str):
        return self.transfer if path.startswith("/transfers") else self.negotiation

    def knock(self, method, path, authorization, *, pid=None, at=None):
        """Call an operation with a valid message."""
        node, base = at or self.hospital, ""
        body = {}
        if (method, path) in DSP:
            base, one = BASE_PATH, self.process(path)
            ours, callback = pid or one.pid, self.faculty.identity.node.base_url
            body = message_for(path, ours, one.peer_pid, f"{callback}/dsp/2025-1")
            path = path.replace("{pid:path}", "ds_1").replace("{pid}", ours)
        headers = {"authorization": authorization} if authorization is not None else {}
        url = f"{node.identity.node.base_url}{base}{path}"
        return self.client.request(
            method, url, headers=headers, json=body if method == "POST" else None
        )

    def standing(self):
        """Return what is kept behind the doors, apart from which tokens were seen."""
        found = {}
        for name, ground in (("dsp", self.dsp.ground), ("node", self.hospital.ground)):
            tables = (connector_negotiation, connector_transfer, connector_message, audit_leaf,
                      connector_message_seen, work_task)  # fmt: skip
            with ground.database.reading() as conn:
                for table in tables:
                    refusals = [table.c.event != "peer.refused"] if table is audit_leaf else []
                    query = select(func.count()).select_from(table).where(*refusals)
                    found[name, table.name] = conn.execute(query).scalar_one()
                revised = select(connector_negotiation.c.pid, connector_negotiation.c.revision)
                found[name, "revisions"] = sorted(tuple(row) for row in conn.execute(revised))
        return found


# --- tokens


def _part(value) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _claims(doors, **changes) -> dict:
    now = int(doors.world.clock.now().timestamp())
    audience, did = doors.hospital.did, doors.faculty.did
    grant = doors.faculty.identity.access_tokens.make(audience, ("x",), doors.world.clock.now())
    claims = {
        "iss": did, "sub": did, "aud": audience, "jti": doors.world.authority.ground.ids.urn(),
        "iat": now, "nbf": now, "exp": now + 60, "token": grant, **changes,
    }  # fmt: skip
    return {name: value for name, value in claims.items() if value is not None}


def _kid(node) -> str:
    return node.identity.did_document()["verificationMethod"][0]["id"]


def _signed(doors, *, key=None, kid=None, typ="JWT", **changes) -> str:
    key = key or doors.faculty.ground.keys.identity_key()
    kid = kid if kid is not None else _kid(doors.faculty)
    return jose.sign(key, kid, _claims(doors, **changes), typ=typ)


def _raw(doors, header, signature=b"", **changes) -> str:
    return f"{_part(header)}.{_part(_claims(doors, **changes))}.{_part(signature)}"


def _now(doors) -> int:
    return int(doors.world.clock.now().timestamp())


def _hmac_with_public_key(doors) -> str:
    import hashlib
    import hmac

    public = json.dumps(doors.faculty.identity.did_document()["verificationMethod"][0])
    head = _part({"alg": "HS256", "typ": "JWT", "kid": _kid(doors.faculty)})
    text = f"{head}.{_part(_claims(doors))}"
    return f"{text}.{_part(hmac.new(public.encode(), text.encode(), hashlib.sha256).digest())}"


def _replayed(doors) -> str:
    token = _signed(doors)
    doors.hospital.identity.identify(f"Bearer {token}")
    return token


def _with_own_key(doors) -> str:
    key = ECKey.generate_key("P-256")
    text = jose.sign(key, _kid(doors.faculty), _claims(doors))
    head = {
        "alg": "ES256",
        "typ": "JWT",
        "kid": _kid(doors.faculty),
        "jwk": key.as_dict(private=False),
    }
    return f"{_part(head)}.{text.split('.', 1)[1]}"


BAD_TOKENS = {
    "none at all": None,
    "another scheme": lambda d: "Basic " + _signed(d),
    "nothing after the scheme": lambda d: "Bearer ",
    "no token": lambda d: "Bearer x",
    "three dots": lambda d: "Bearer ...",
    "absurdly long": lambda d: "Bearer " + "a" * 100_000,
    "expired": lambda d: "Bearer "
    + _signed(d, exp=_now(d) - 31, iat=_now(d) - 91, nbf=_now(d) - 91),
    "not valid yet": lambda d: "Bearer " + _signed(d, iat=_now(d) + 31, nbf=_now(d) + 31),
    "no end": lambda d: "Bearer " + _signed(d, exp=None),
    "without an id": lambda d: "Bearer " + _signed(d, jti=None),
    "of another audience": lambda d: "Bearer " + _signed(d, aud=d.clinic.did),
    "of no audience": lambda d: "Bearer " + _signed(d, aud=None),
    "of many audiences": lambda d: "Bearer " + _signed(d, aud=[d.hospital.did, d.clinic.did]),
    "for somebody else": lambda d: "Bearer " + _signed(d, sub=d.clinic.did),
    "of another's name": lambda d: "Bearer " + _signed(d, iss=d.clinic.did, sub=d.clinic.did),
    "signed with another's key": lambda d: "Bearer "
    + _signed(d, key=d.clinic.ground.keys.identity_key()),
    "with another's key named": lambda d: "Bearer "
    + _signed(d, key=d.clinic.ground.keys.identity_key(), kid=_kid(d.clinic)),
    "with its own key inside": lambda d: "Bearer " + _with_own_key(d),
    "alg none": lambda d: "Bearer " + _raw(d, {"alg": "none", "kid": _kid(d.faculty)}),
    "alg None, empty signature": lambda d: "Bearer "
    + _raw(d, {"alg": "NoNe", "kid": _kid(d.faculty)}, b"x"),
    "alg HS256 over the public key": lambda d: "Bearer " + _hmac_with_public_key(d),
    "ES256 with a zero signature": lambda d: "Bearer "
    + _raw(d, {"alg": "ES256", "kid": _kid(d.faculty)}, bytes(64)),
    "used before": lambda d: "Bearer " + _replayed(d),
}  # fmt: skip


def bad_token(doors: Doors, name: str) -> str | None:
    make = BAD_TOKENS[name]
    return None if make is None else make(doors)
