"""A space in one process: real nodes' identity services, joined by a wire without sockets."""

import asyncio
import json
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from urllib.parse import quote

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import ECKey
from starlette.applications import Starlette

from lib.ground import AllEvents, Ground, ManualClock, make_ground
from tidegate.access.model import Actor, Role, Seat
from tidegate.api import dcp, peer, space
from tidegate.audit.journal import Journal
from tidegate.audit.trust import make_keys
from tidegate.connector.exchange.service import ExchangeService
from tidegate.connector.http.model import HttpSettings
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity.certification.service import CertificationService
from tidegate.connector.identity.issuance.service import IssuanceService
from tidegate.connector.identity.joining.service import JoiningService
from tidegate.connector.identity.model import IdentitySettings, NodeIdentity
from tidegate.connector.identity.service import IdentityService
from tidegate.connector.identity.sts.service import StsService
from tidegate.connector.identity.wallet.service import WalletService
from tidegate.db.engine import Database
from tidegate.kernel.ids import RandomIds
from tidegate.keys.service import KeyRing
from tidegate.partners.model import SpaceProfile
from tidegate.partners.space.service import SpaceService

OPERATOR = Actor("person:per_operator", "Op", frozenset({Role.OPERATOR}))


class Wire(httpx.BaseTransport):
    """Hands a request to the application that listens at its host and port."""

    def __init__(self) -> None:
        self.apps: dict[str, Starlette] = {}
        self.down: set[str] = set()
        self.calls: list[str] = []
        self.answers: dict[str, tuple[int, dict, bytes]] = {}

    def answer(self, url: str, body, status: int = 200, **headers: str) -> None:
        """Answer at `url` with this instead of the application there."""
        content = json.dumps(body).encode()
        self.answers[url] = (status, {"content-type": "application/json", **headers}, content)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        where = request.url.netloc.decode()
        self.calls.append(f"{request.method} {request.url}")
        if str(request.url) in self.answers:
            status, headers, content = self.answers[str(request.url)]
            return httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))
        if where in self.down or where not in self.apps:
            raise httpx.ConnectError("nobody listens there")
        status, headers, content = asyncio.run(_ask(self.apps[where], request, request.read()))
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))


async def _ask(app, request: httpx.Request, body: bytes):
    """Put one request to an ASGI application and gather its answer."""
    raw_path, _, query = request.url.raw_path.partition(b"?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": raw_path,
        "query_string": query,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 1),
    }
    sent: list = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], sent[0]["headers"], content


_EMPTY: list[bytes] = []
_SAVED: dict[tuple, tuple] = {}  # names of a space -> its file, and each node's keys and database


def new_ground(home, did: str, clock: ManualClock | None, subscriptions, saved=None) -> Ground:
    """Open a node's ground on a copy of an empty or saved database; keys rest nowhere."""
    home.mkdir(parents=True)
    if not _EMPTY:
        first = make_ground(home / "first", did)
        first.close()
        _EMPTY.append((home / "first" / "node.db").read_bytes())
    keys, content = saved or (None, _EMPTY[0])
    (home / "node.db").write_bytes(content)
    database = Database(f"sqlite:///{home / 'node.db'}")
    clock, ids = clock or ManualClock(), RandomIds()
    keys = keys or KeyRing(
        secrets.token_bytes(32), Ed25519PrivateKey.generate(), ECKey.generate_key("P-256")
    )
    journal = Journal(
        database, clock, ids, log=did, events=AllEvents(), subscriptions=subscriptions
    )
    return Ground(journal, database, clock, ids, keys, home, did)


@dataclass
class Node:
    """One node's services of the identity side."""

    ground: Ground
    name: str
    http: PeerHttp
    identity: IdentityService
    space: SpaceService
    wallet: WalletService
    issuance: IssuanceService
    joining: JoiningService
    exchange: ExchangeService
    certification: CertificationService
    sts: StsService
    app: Starlette | None = None
    received: list = field(default_factory=list)

    @property
    def did(self) -> str:
        return self.identity.node.did

    def handlers(self) -> dict:
        return {
            "peer.send": self.exchange.deliver,
            "credentials.deliver": self.issuance.deliver,
            "credentials.renew": self.wallet.renew,
            "credentials.offer": self._offer,
            "credentials.request": self.wallet.request_offered,
            "member.forget": self.joining.follow_revocation,
        }

    def _offer(self, holder: str) -> None:
        if holder == self.did:
            self.wallet.take_own()
        else:
            self.certification.offer(holder)

    def run_tasks(self) -> None:
        named = {name.replace(".", "__"): fn for name, fn in self.handlers().items()}
        self.ground.run_tasks(**named)


@dataclass
class World:
    """The nodes of a space, one clock, one wire."""

    wire: Wire
    clock: ManualClock
    authority: Node
    nodes: list[Node]
    file: dict

    def settle(self) -> None:
        for node in self.nodes:
            node.run_tasks()

    def close(self) -> None:
        for node in self.nodes:
            node.ground.close()


def make_node(
    home,
    wire: Wire | None,
    port: int,
    name: str,
    seat: Seat,
    clock=None,
    *,
    role="participant",
    saved=None,
):
    """Open a node that listens on the wire at localhost:port, or will on a real socket."""
    where = f"localhost:{port}"
    did = "did:web:" + quote(where, safe="")
    ground = new_ground(home / name, did, clock, {"member.revoked": ("member.forget",)}, saved)
    http = PeerHttp(HttpSettings(loopback=True), transport=wire)
    node = NodeIdentity(did, name, seat, f"http://{where}", role == "authority")
    basis = (ground.journal, ground.clock, ground.ids)
    members = SpaceService(*basis, did)
    identity = IdentityService(*basis, ground.keys, node, http, members, IdentitySettings())
    issuance = IssuanceService(*basis, identity, http, members)
    wallet = WalletService(*basis, identity, http, issuance.issue_own)
    trust = make_keys(ground.keys.evidence_public, ground.keys.identity_public_jwk())
    joining = JoiningService(ground.keys, trust, members, identity, wallet, issuance, http)
    received: list = []
    receivers = {
        "member.admitted": members.receive_member_admitted,
        "member.revoked": members.receive_member_revoked,
        "greeting": lambda sender, body: received.append((sender, body)),
    }
    exchange = ExchangeService(ground.journal, ground.clock, identity, http, receivers)
    certification = CertificationService(*basis, identity, http, members)
    sts = StsService(*basis, identity)
    made = Node(
        ground,
        name,
        http,
        identity,
        members,
        wallet,
        issuance,
        joining,
        exchange,
        certification,
        sts,
        received=received,
    )
    house = SimpleNamespace(
        identity=identity, wallet=wallet, issuance=issuance, joining=joining, exchange=exchange,
        certification=certification, sts=sts,
    )  # fmt: skip
    routes = [*dcp.routes(house), *space.routes(house), *peer.routes(house)]
    made.app = Starlette(routes=routes)
    if wire is not None:
        wire.apps[where] = made.app
    return made


def found_world(home, *names: tuple[str, Seat]) -> World:
    """Found a space and let the named institutions join it."""
    wire = Wire()
    authority = make_node(home, wire, 7400, "Authority", Seat.CN_GBA9, role="authority")
    clock = authority.ground.clock
    file = authority.joining.create_space("Pearl", SpaceProfile.LOOPBACK, by=OPERATOR)
    world = World(wire, clock, authority, [authority], file)
    for number, (name, seat) in enumerate(names, start=1):
        node = make_node(home, wire, 7400 + number, name, seat, clock)
        world.nodes.append(node)
        code = authority.joining.invite(name, seat, by=OPERATOR)
        node.joining.join(file, code, by=OPERATOR)
        world.settle()
    world.settle()
    return world


def make_world(home, *names: tuple[str, Seat]) -> World:
    """Open a space that the named institutions joined: founded once, then copied."""
    if names not in _SAVED:
        first = found_world(home / "founding", *names)
        first.close()
        states = [
            (node.ground.keys, (node.ground.home / "node.db").read_bytes()) for node in first.nodes
        ]
        _SAVED[names] = (first.file, states)
    file, states = _SAVED[names]
    wire, clock = Wire(), ManualClock()
    who = [("Authority", Seat.CN_GBA9), *names]
    nodes = [
        make_node(
            home / "copy", wire, 7400 + number, name, seat, clock,
            role="participant" if number else "authority", saved=states[number],
        )
        for number, (name, seat) in enumerate(who)
    ]  # fmt: skip
    return World(wire, clock, nodes[0], nodes, file)


@contextmanager
def opened_world(home, *names):
    """Open a world for a block."""
    world = make_world(home, *names)
    try:
        yield world
    finally:
        world.close()
