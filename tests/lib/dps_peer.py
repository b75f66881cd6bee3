"""A counterpart that speaks Data Plane Signaling by script, over real HTTP, strictly.

It plays the other control plane, the other data plane and the other connector on one address, and
shares no code with the product: what it says and expects is written here from the specification.
"""

import json
import re
import threading
import time
import uuid
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from lib.serving import Served, free_port
from tidegate.connector.signaling.model import PROFILE_PULL, PROFILE_PUSH, Asked, PlaneKind
from tidegate.kernel.clock import SystemClock, iso
from tidegate.node.build import open_node
from tidegate.node.server import make_app
from tidegate.work.store import list_ready
from tidegate_tck.dps import (
    AS_CONSUMER,
    AS_PROVIDER,
    CONSUMER,
    DATASET,
    OFFICER,
    OPERATOR,
    PROVIDER,
)
from tidegate_tck.home import make_home
from tidegate_tck.model import Place

CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
PATIENCE = 30.0
SAID = {"start": "Start", "suspension": "Suspension", "completion": "Completion",
        "termination": "Termination"}  # fmt: skip
DSP = {"START": "start", "SUSPEND": "suspension", "COMPLETE": "completion",
       "TERMINATE": "termination"}  # fmt: skip
SIGNALS = r"/dataflows/(?:([^/]+)/)?(prepare|start|started|suspend|resume|terminate|completed)"


def b64(raw):
    return urlsafe_b64encode(raw).decode().rstrip("=")


class Signer:
    """An ES256 key and what is signed with it (RFC 7515)."""

    def __init__(self, kid):
        self.kid, self.key = kid, ec.generate_private_key(ec.SECP256R1())
        public = self.key.public_key().public_numbers()
        self.jwk = {"kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256",
                    "x": b64(public.x.to_bytes(32, "big")),
                    "y": b64(public.y.to_bytes(32, "big"))}  # fmt: skip

    def sign(self, **claims):
        now = int(time.time())
        full = {"iat": now, "exp": now + 300, "jti": uuid.uuid4().hex} | claims
        head = {"alg": "ES256", "typ": "JWT", "kid": self.kid}
        text = ".".join(b64(json.dumps(one).encode()) for one in (head, full))
        r, s = decode_dss_signature(self.key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


@dataclass
class Heard:
    """One call the node made."""

    what: str
    path: str
    body: dict
    authorization: str


class PeerDoor(BaseHTTPRequestHandler):
    """What the peer answers on its one address."""

    peer = None

    def _answer(self):
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(raw) if raw[:1] == b"{" else {}
        status, said = self.peer.take(self.path, body, self.headers.get("authorization", ""))
        out = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    def do_GET(self):
        if self.path == "/bytes":
            self._give()
        else:
            self._answer()

    def _opens(self):
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.peer.tokens:
            self.send_response(401)
            self.send_header("content-length", "0")
            self.end_headers()
        return token in self.peer.tokens

    def _give(self):
        if self._opens():
            start = int((self.headers.get("range") or "bytes=0-")[6:-1])
            part, size = self.peer.content[start:], len(self.peer.content)
            self.send_response(206 if start else 200)
            if start:
                self.send_header("content-range", f"bytes {start}-{size - 1}/{size}")
            self.send_header("content-length", str(len(part)))
            self.end_headers()
            self.wfile.write(part)

    def do_HEAD(self):
        if self._opens():
            self.send_response(200)
            self.send_header("upload-offset", str(len(self.peer.sink)))
            self.send_header("content-length", "0")
            self.end_headers()

    def do_PUT(self):
        raw = self.rfile.read(int(self.headers["content-length"]))
        if self._opens():
            self.peer.sink += raw
            self.send_response(202)
            self.send_header("content-length", "0")
            self.end_headers()

    def do_POST(self):
        self._answer()

    def log_message(self, *_args):
        """Say nothing."""


@dataclass
class Peer:
    """Listens, keeps what it hears, and answers as a plane or a connector should, or as told."""

    port: int
    heard: list[Heard] = field(default_factory=list)
    answers: dict[str, tuple[int, dict]] = field(default_factory=dict)
    content: bytes = b""
    tokens: set[str] = field(default_factory=set)
    sink: bytearray = field(default_factory=bytearray)

    def __post_init__(self):
        self._news = threading.Condition()
        self.signer = Signer(f"{self.did}#one")
        door = type("Door", (PeerDoor,), {"peer": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), door)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def base(self):
        return f"http://localhost:{self.port}"

    @property
    def did(self):
        return f"did:web:localhost%3A{self.port}"

    def take(self, path, body, authorization):
        if path == "/.well-known/did.json":
            return 200, self._document()
        what = self._name(path)
        if path.endswith("/status"):
            return self.answers.get("status") or (404, {})
        with self._news:
            told = self.answers.get(what)  # before whoever waits for the call tells another answer
            self.heard.append(Heard(what, path, body, authorization))
            self._news.notify_all()
        return told or (200, self._willing(what, body))

    def _name(self, path):
        signal = re.fullmatch(SIGNALS, path)
        told = re.fullmatch(r"/transfers/[^/]+/dataflow/(\w+)", path)
        if signal:
            return signal.group(2)
        return f"told {told.group(1)}" if told else f"dsp {path.rpartition('/')[2]}"

    def _willing(self, what, body):
        states = {"prepare": "PREPARED", "start": "STARTED", "resume": "STARTED"}
        if what in states:
            said = {"messageId": uuid.uuid4().hex, "dataFlowId": "df-1", "state": states[what]}
            if what == "start":
                said["dataAddress"] = address("http://localhost:9/data")
            return said
        if what.startswith("dsp "):
            pids = {"providerPid": "urn:uuid:peer", "consumerPid": "urn:uuid:peer"}
            pids |= {name: body[name] for name in pids if name in body}
            return {"@context": [CONTEXT], "@type": "TransferProcess", "state": "REQUESTED", **pids}
        return {}

    def _document(self):
        kid = self.signer.kid
        method = {"id": kid, "type": "JsonWebKey2020", "controller": self.did,
                  "publicKeyJwk": self.signer.jwk}  # fmt: skip
        return {
            "@context": ["https://www.w3.org/ns/did/v1"],
            "id": self.did,
            "verificationMethod": [method],
            "authentication": [kid],
            "assertionMethod": [kid],
            "capabilityInvocation": [kid],
        }

    def next(self, what, seconds=PATIENCE, about=""):
        """Return the oldest call of that name, about that process, not looked at yet."""

        def found():
            return next(self._calls(what, about), None)

        with self._news:
            assert self._news.wait_for(found, timeout=seconds), f"no {what}: {self.heard}"
            one = found()
            self.heard.remove(one)
            return one

    def silence(self, what, seconds=0.3, about=""):
        """Fail if the node makes such a call, about that process, within that time."""
        with self._news:
            came = self._news.wait_for(lambda: any(self._calls(what, about)), timeout=seconds)
            assert not came, f"the node called {what}"

    def _calls(self, what, about):
        return (
            one
            for one in self.heard
            if one.what == what and about in one.path + json.dumps(one.body)
        )

    def forget(self):
        with self._news:
            self.heard.clear()
            self.answers.clear()
            self.tokens.clear()
            self.sink.clear()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def address(endpoint, kind=PROFILE_PULL, **properties):
    """Return a data address in the protocol's strict form."""
    said = {"@type": "DataAddress", "endpointType": kind, "endpoint": endpoint}
    if properties:
        said["endpointProperties"] = [
            {"@type": "EndpointProperty", "name": name, "value": value}
            for name, value in properties.items()
        ]
    return said


RENEWABLE = {"authorization": "a", "authType": "bearer", "refreshToken": "r", "expiresIn": "300",
             "refreshEndpoint": "https://provider.example.com/token"}  # fmt: skip


class Bench:
    """A real node, a registered control plane and data plane at the peer, and their tokens."""

    def __init__(self, node, place, peer, client):
        self.node, self.place, self.peer, self.client = node, place, peer, client
        self.dps = f"{place.node}/dps/v1"
        self.signaling = node.house.signaling
        self.control = self.register(PlaneKind.CONTROL, datasets=(DATASET,))
        self.data = self.register(PlaneKind.DATA, profiles=(PROFILE_PULL,))

    def register(self, kind, name="kit", **more):
        """Register a plane at the peer with a bearer token; return the header it presents."""
        asked = Asked(kind, name, self.peer.base, "bearer", "ours", **more)
        return f"Bearer {self.keeps(asked).token}"

    def keeps(self, asked):
        """Register a plane, its datasets approved by a legal officer."""
        done = self.signaling.register(asked, by=OPERATOR)
        if asked.datasets:
            self.signaling.approve(asked.id, "A test.", by=OFFICER)
        return done

    def call(self, method, path, body=None, token=None):
        headers = {} if token is None else {"authorization": token}
        content = None if body is None else json.dumps(body)
        return self.client.request(method, self.dps + path, content=content, headers=headers)

    # --- the peer as control plane

    def message(self, name, **more):
        """Return a prepare or start message."""
        return {
            "messageId": uuid.uuid4().hex,
            "participantId": self.place.node_did,
            "counterPartyId": self.peer.did,
            "dataspaceContext": "test",
            "processId": uuid.uuid4().hex,
            "agreementId": "agreement",
            "datasetId": DATASET,
            "profile": PROFILE_PULL if name == "pull" else PROFILE_PUSH,
            "claims": {},
            **more,
        }

    def opens(self, what, name, **more):
        """Prepare or start a flow as the control plane."""
        return self.call("POST", f"/dataflows/{what}", self.message(name, **more), self.control)

    def signals(self, flow, what, **more):
        body = {"messageId": uuid.uuid4().hex, **more}
        return self.call("POST", f"/dataflows/{flow}/{what}", body, self.control)

    def flow_state(self, flow):
        answer = self.call("GET", f"/dataflows/{flow}/status", token=self.control)
        assert answer.status_code == 200, answer.text
        assert answer.json()["dataFlowId"] == flow
        return answer.json()["state"]

    # --- the peer as data plane

    def tells(self, process, what, state="", token=None, **more):
        """Send a callback as the data plane."""
        body = {"messageId": uuid.uuid4().hex, "dataFlowId": "df-1",
                "state": state or what.upper(), **more}  # fmt: skip
        path = f"/transfers/{process}/dataflow/{what}"
        return self.call("POST", path, body, self.data if token is None else token)

    # --- the peer as connector

    def says(self, pid, what, side, **more):
        """Send a DSP message about a transfer of the node, as PROVIDER or CONSUMER."""
        theirs = "urn:uuid:peer"
        ours, other = ("consumerPid", "providerPid")[:: 1 if side == PROVIDER else -1]
        body = {"@context": [CONTEXT], "@id": uuid.uuid4().urn,
                "@type": f"Transfer{SAID[what]}Message", ours: pid, other: theirs}  # fmt: skip
        body |= more
        return self.client.post(
            f"{self.place.node}/dsp/2025-1/transfers/{pid}/{what}",
            content=json.dumps(body),
            headers={"authorization": json.dumps({"clientId": side})},
        )

    def requests(self):
        """Ask the node for rows, as consumer; return its name for the transfer."""
        body = {"@context": [CONTEXT], "@id": uuid.uuid4().urn, "@type": "TransferRequestMessage",
                "consumerPid": uuid.uuid4().urn, "agreementId": AS_PROVIDER,
                "format": "HttpData-PULL", "callbackAddress": self.peer.base}  # fmt: skip
        answer = self.client.post(
            f"{self.place.node}/dsp/2025-1/transfers/request",
            content=json.dumps(body),
            headers={"authorization": json.dumps({"clientId": CONSUMER})},
        )
        assert answer.status_code == 201, answer.text
        return answer.json()["providerPid"]

    def triggers(self):
        """Have the node, as consumer, ask the peer for rows; return its name for the transfer."""
        said = {"agreementId": AS_CONSUMER, "datasetId": DATASET, "dspUrl": self.peer.base}
        answer = self.client.post(f"{self.place.node}/tck/dataflows/trigger", json=said)
        assert answer.is_success, answer.text
        return answer.json()["id"]

    def rests(self):
        """Wait until the node has nothing to do; forget what it did for an earlier test."""
        due = lambda: self.node.journal.read(list_ready, iso(SystemClock().now()), 1)  # noqa: E731
        self.reaches(lambda: len(due()), 0)
        self.peer.forget()

    def transfer_state(self, pid):
        return self.node.house.transfer.get(pid).wire_state

    def reaches(self, ask, state, seconds=PATIENCE):
        """Wait until what is asked tells that state."""
        deadline = time.monotonic() + seconds
        while (now := ask()) != state:
            assert time.monotonic() < deadline, f"{now} instead of {state}"
            time.sleep(0.01)


@contextmanager
def dps_bench(folder, make_profile):
    """Serve a fresh node with a profile while the body runs."""
    place = Place(f"http://localhost:{free_port()}", f"http://localhost:{free_port()}")
    profile = make_profile(place)
    make_home(folder / "home", place, profile)
    peer = Peer(place.kit_port)
    with open_node(folder / "home", profile.fittings) as node, httpx.Client(timeout=60) as client:
        server = Served(make_app(node), place.node_port)
        server.start()
        node.runner.start()
        try:
            yield Bench(node, place, peer, client)
        finally:
            node.runner.stop()
            server.stop()
            for wire in (node.house.signaling._desk.wire, node.house.identity.verifier.http):
                wire.close()
            peer.close()


def run_control(bench, pid, side, script):
    """Follow a script of the control plane under test."""
    for one in script.split():
        if one.startswith("<"):
            heard = bench.peer.next(f"dsp {one[1:-1]}" if one[-1] == "!" else one[1:])
            if one in {"<prepare", "<start"}:
                assert heard.body["processId"] == pid
                assert heard.body["claims"] is not None
        elif one.startswith("-"):
            bench.peer.silence(f"dsp {one[1:].rstrip('!')}", 0.15)
        elif one.startswith("="):
            bench.reaches(lambda: bench.transfer_state(pid), one[1:])
        elif one in DSP:
            answer = bench.says(pid, DSP[one], side)
            assert answer.status_code == 200, answer.text
        else:
            assert bench.tells(pid, one).status_code == 200


def later(state):
    return 202, {"messageId": uuid.uuid4().hex, "dataFlowId": "df-1", "state": state}


def properties(answer):
    said = answer.json()["dataAddress"]
    assert said["@type"] == "DataAddress"
    assert said["endpointType"] == "https://w3id.org/dspace-sig/profile/http-pull"
    found = {one["name"]: one["value"] for one in said["endpointProperties"]}
    assert found["authType"] == "bearer"
    assert found["expiresIn"].isdigit()
    return found


def renew(dps, token, proof):
    return dps.client.post(
        f"{dps.dps}/token",
        content=urlencode({"grant_type": "refresh_token", "refresh_token": token}),
        headers={
            "authorization": f"Bearer {proof}",
            "content-type": "application/x-www-form-urlencoded",
        },
    )
