"""A counterpart that speaks the Dataspace Protocol by script, over real HTTP.

It shares no code with the product: what it says and expects is written here from the protocol. It
takes one message at a time, as the official kit does, and answers what the test tells it to.
"""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from lib.serving import Served, free_port
from tidegate.node.build import Node, open_node
from tidegate.node.server import make_app
from tidegate_tck.home import make_home
from tidegate_tck.model import Place, Profile

CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
USE = {"permission": [{"action": "use"}]}
PATIENCE = 30.0
ADDRESS = {
    "@type": "DataAddress",
    "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
    "endpoint": "http://localhost:9/data",
}

NEGOTIATION, TRANSFER = "negotiations", "transfers"
WORDS = {
    # (room, word) -> type of the message, its place behind the pid, what it says besides
    (NEGOTIATION, "counter"): ("ContractRequestMessage", "request", {}),
    (NEGOTIATION, "offer"): ("ContractOfferMessage", "offers", {}),
    (NEGOTIATION, "accept"): (
        "ContractNegotiationEventMessage", "events", {"eventType": "ACCEPTED"},
    ),
    (NEGOTIATION, "agree"): ("ContractAgreementMessage", "agreement", {}),
    (NEGOTIATION, "verify"): (
        "ContractAgreementVerificationMessage", "agreement/verification", {},
    ),
    (NEGOTIATION, "finalize"): (
        "ContractNegotiationEventMessage", "events", {"eventType": "FINALIZED"},
    ),
    (NEGOTIATION, "terminate"): (
        "ContractNegotiationTerminationMessage", "termination", {"code": "1"},
    ),
    (TRANSFER, "start"): ("TransferStartMessage", "start", {}),
    (TRANSFER, "suspend"): ("TransferSuspensionMessage", "suspension", {"code": "1"}),
    (TRANSFER, "complete"): ("TransferCompletionMessage", "completion", {}),
    (TRANSFER, "terminate"): ("TransferTerminationMessage", "termination", {"code": "1"}),
}  # fmt: skip


def document(kind, **members):
    """Return a message of that type with an id of its own."""
    return {"@context": [CONTEXT], "@id": uuid.uuid4().urn, "@type": kind, **members}


@dataclass
class Heard:
    """One message the node sent."""

    path: str
    body: dict
    authorization: str
    at: float


@dataclass
class Peer:
    """The scripted participant: it listens, keeps what it hears, and answers as told."""

    port: int
    heard: list[Heard] = field(default_factory=list)
    answers: list = field(default_factory=list)  # (status, body), or a callable that returns it
    pid: str = ""

    def __post_init__(self):
        self._news = threading.Condition()
        peer = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status, said = peer.take(self.path, body, self.headers.get("authorization", ""))
                raw = json.dumps(said).encode() if said is not None else b""
                self.send_response(status)
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_args):
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Door)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def base(self):
        return f"http://localhost:{self.port}"

    def take(self, path, body, authorization):
        """Keep a message; answer as told, or as a willing peer would.

        What the node still says about an earlier talk is taken and not kept.
        """
        if path.count("/") > 2 and path.split("/")[2] != self.pid:
            return 200, None
        with self._news:
            answer = self.answers.pop(0) if self.answers else (0, None)
            self.heard.append(Heard(path, body, authorization, time.monotonic()))
            self._news.notify_all()
        status, said = answer(body) if callable(answer) else answer
        if status:
            return status, said
        if path in {"/negotiations/request", "/negotiations/offers"}:
            return 201, self.opened(body, "ContractNegotiation")
        if path == "/transfers/request":
            return 201, self.opened(body, "TransferProcess")
        return 200, None

    def opened(self, body, kind):
        """Return the answer to an opening message: the process, now with a pid of ours."""
        is_offer = body["@type"] == "ContractOfferMessage"
        ours, theirs = (
            ("consumerPid", "providerPid") if is_offer else ("providerPid", "consumerPid")
        )
        state = "OFFERED" if is_offer else "REQUESTED"
        return document(kind, **{ours: self.pid, theirs: body[theirs], "state": state})

    def next(self, seconds=PATIENCE):
        """Return the oldest message not looked at yet."""
        with self._news:
            assert self._news.wait_for(lambda: self.heard, timeout=seconds), "nothing was sent"
            return self.heard.pop(0)

    def silence(self, seconds=0.15):
        """Fail if the node says anything within that time."""
        with self._news:
            assert not self._news.wait_for(lambda: self.heard, timeout=seconds), self.heard[0]

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Talk:
    """One negotiation or transfer between the peer and the node; the peer plays `role` in it."""

    def __init__(self, base, peer, room, role, client):
        self.base, self.peer, self.room, self.role, self.client = base, peer, room, role, client
        self.ours, self.theirs = uuid.uuid4().urn, ""
        self.target = self.offer_id = ""
        peer.pid = self.ours
        peer.heard.clear()
        peer.answers.clear()

    @property
    def pids(self):
        if self.role == "consumer":
            return {"consumerPid": self.ours, "providerPid": self.theirs}
        return {"consumerPid": self.theirs, "providerPid": self.ours}

    def post(self, path, body, token="Bearer kit"):
        headers = {"authorization": token} if token else {}
        return self.client.post(f"{self.base}/{self.room}/{path}", json=body, headers=headers)

    # --- opening

    def request_contract(self, dataset, offer, **more):
        """Ask the node for a contract, as consumer."""
        self.target, self.offer_id = dataset, offer
        said = document(
            "ContractRequestMessage",
            consumerPid=self.ours,
            callbackAddress=self.peer.base,
            offer={"@type": "Offer", "@id": offer, "target": dataset, **USE},
        )
        return self._opened(self.post("request", said | more))

    def offer_contract(self, dataset, offer):
        """Offer the node a contract unasked, as provider."""
        self.target, self.offer_id = dataset, offer
        said = document(
            "ContractOfferMessage",
            providerPid=self.ours,
            callbackAddress=self.peer.base + "/",
            offer={"@type": "Offer", "@id": offer, "target": dataset, **USE},
        )
        return self._opened(self.post("offers", said))

    def request_transfer(self, agreement):
        """Ask the node for a transfer, as consumer."""
        said = document(
            "TransferRequestMessage",
            consumerPid=self.ours,
            callbackAddress=self.peer.base,
            agreementId=agreement,
            format="HttpData-PULL",
        )
        return self._opened(self.post("request", said))

    def _opened(self, answer):
        if answer.status_code == 201:
            self.theirs = answer.json()["providerPid" if self.role == "consumer" else "consumerPid"]
        return answer

    def asked(self):
        """Take the node's opening message, as provider."""
        heard = self.peer.next()
        assert heard.path == f"/{self.room}/request"
        assert heard.body["callbackAddress"].startswith(self.base)
        self.theirs = heard.body["consumerPid"]
        if self.room == NEGOTIATION:
            self.target, self.offer_id = heard.body["offer"]["target"], heard.body["offer"]["@id"]
        return heard

    # --- going on

    def said(self, word):
        """Return the message for a word."""
        kind, _, more = WORDS[self.room, word]
        if word in {"offer", "counter"}:
            more = {"offer": {"@type": "Offer", "@id": self.offer_id, "target": self.target, **USE}}
        elif word == "agree":
            node = "did:web:" + self.base.split("/")[2].replace(":", "%3A")
            more = {"agreement": {
                "@type": "Agreement", "@id": uuid.uuid4().urn, "target": self.target,
                "assigner": "TCK_PARTICIPANT", "assignee": node,
                "timestamp": "2026-11-01T10:00:00Z", **USE,
            }}  # fmt: skip
        elif word == "start" and self.role == "provider":
            more = {"dataAddress": ADDRESS}
        return document(kind, **self.pids, **more)

    def tell(self, word):
        """Say a word; return the node's answer."""
        return self.post(f"{self.theirs}/{WORDS[self.room, word][1]}", self.said(word))

    def hear(self, word):
        """Take the node's next message, which must be this word, to us, and well formed."""
        heard = self.peer.next()
        kind, place, more = WORDS[self.room, word]
        assert heard.path == f"/{self.room}/{self.ours}/{place}"
        assert heard.body["@type"] == kind
        assert heard.body["@context"] == [CONTEXT]
        assert heard.body["@id"]
        assert heard.authorization
        assert {name: heard.body[name] for name in self.pids} == self.pids
        for name, value in more.items():
            assert name == "code" or heard.body[name] == value
        return heard

    def state(self):
        answer = self.client.get(
            f"{self.base}/{self.room}/{self.theirs}", headers={"authorization": "Bearer kit"}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["state"]

    def reaches(self, state, seconds=PATIENCE):
        """Wait until the node says it is in that state."""
        deadline = time.monotonic() + seconds
        while (now := self.state()) != state:
            assert time.monotonic() < deadline, f"{now} instead of {state}"
            time.sleep(0.01)

    def run(self, script):
        """Follow a script: `word` is said, `<word` heard, `!word` said and refused, `=S` told."""
        for one in script.split():
            if one.startswith("<"):
                self.hear(one[1:])
            elif one.startswith("="):
                self.reaches(one[1:])
            elif one.startswith("!"):
                self._refused(self.tell(one[1:]))
            else:
                answer = self.tell(one)
                assert answer.status_code == 200, answer.text
        self.peer.silence()

    def _refused(self, answer):
        kind = "ContractNegotiationError" if self.room == NEGOTIATION else "TransferError"
        body = answer.json()
        assert answer.status_code == 400, answer.text
        assert body["@type"] == kind
        assert body["@context"] == [CONTEXT]
        assert {name: body[name] for name in self.pids} == self.pids
        assert body["reason"]


class Bench:
    """A real node with a profile of the test plugin, and the peer it talks to."""

    def __init__(self, node: Node, place: Place, peer: Peer, client: httpx.Client) -> None:
        self.node, self.place, self.peer, self.client = node, place, peer, client
        self.base = f"{place.node}/dsp/2025-1"

    def talk(self, room, role):
        return Talk(self.base, self.peer, room, role, self.client)

    def trigger(self, room, **said):
        """Have the node open something with the peer, as the kit does."""
        said = {"providerId": "TCK_PARTICIPANT", "connectorAddress": self.peer.base, **said}
        answer = self.client.post(f"{self.place.node}/tck/{room}/requests", json=said)
        assert answer.is_success, answer.text
        return answer.json()["pid"]


@contextmanager
def bench(folder: Path, make_profile) -> Iterator[Bench]:
    """Serve a fresh node with a profile while the body runs."""
    place = Place(f"http://localhost:{free_port()}", f"http://localhost:{free_port()}")
    profile: Profile = make_profile(place)
    make_home(folder / "home", place, profile)
    peer = Peer(place.kit_port)
    with (
        open_node(folder / "home", profile.fittings) as node,
        httpx.Client(timeout=60) as client,
    ):
        server = Served(make_app(node), place.node_port)
        server.start()
        node.runner.start()
        try:
            yield Bench(node, place, peer, client)
        finally:
            node.runner.stop()
            server.stop()
            peer.close()
