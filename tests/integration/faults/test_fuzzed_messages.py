"""Near-valid messages by the thousand at every door for other nodes: refused in type, or taken.

Hypothesis changes valid messages: drops, repeats, retypes, nests, breaks texts and numbers.
Whatever comes: never a 500, a typed error of the right protocol, no process changed by a refusal.
"""

import json

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from lib.doors import DSP, ERRORS, TYPES, message_for
from lib.dsp_nodes import FACULTY, HOSPITAL, RESEARCHER, agreed, make_pair, pump
from lib.mutations import bodies
from lib.space_world import Wire, opened_world
from tidegate.access.model import Seat
from tidegate.api import dsp
from tidegate.connector.messages import wire, wire_catalog
from tidegate.connector.messages.read import check
from tidegate.connector.messages.wire import BASE_PATH

pytestmark = pytest.mark.slow
BASE = "http://localhost:7002" + BASE_PATH
TOKEN = {"authorization": f"Bearer {FACULTY}>{HOSPITAL}", "content-type": "application/json"}
TAKEN = [path for method, path in DSP if method == "POST" and path in TYPES]
OFTEN = settings(
    max_examples=60, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


class Knocked:
    """A provider's doors with a negotiation and a visit behind them."""

    def __init__(self, folder) -> None:
        self.hospital, self.faculty = make_pair(folder)
        agreement = agreed(self.hospital, self.faculty)
        self.hospital.rules.permit = False
        self.faculty.negotiation.request(HOSPITAL, "ds_1", by=RESEARCHER)
        self.faculty.transfer.request_visit(agreement, by=RESEARCHER)
        pump(self.hospital, self.faculty)
        self.negotiation = next(
            one for one in self.hospital.negotiation.list_negotiations() if one.state == "REQUESTED"
        )
        (self.transfer,) = self.hospital.transfer.list_transfers()
        wired = Wire()
        wired.apps["localhost:7002"] = Starlette(routes=dsp.routes(self.hospital))
        self.client = httpx.Client(transport=wired)

    def process(self, path):
        return self.transfer if path.startswith("/transfers") else self.negotiation

    def standing(self):
        negotiations = self.hospital.negotiation.list_negotiations(limit=10_000)
        transfers = self.hospital.transfer.list_transfers(limit=10_000)
        return (
            [(one.pid, one.state, one.offer, one.agreement) for one in negotiations],
            [(one.pid, one.state, one.held) for one in transfers],
            len(self.hospital.policy.list_agreements()),
        )


@pytest.fixture(scope="module")
def knocked(tmp_path_factory):
    made = Knocked(tmp_path_factory.mktemp("fuzz"))
    yield made
    made.client.close()
    made.hospital.ground.close()
    made.faculty.ground.close()


@pytest.mark.parametrize("path", TAKEN)
@given(data=st.data())
@OFTEN
def test_a_message_is_taken_or_refused_in_type_and_leaves_nothing(knocked, path, data):
    one = knocked.process(path)
    valid = message_for(path, one.pid, one.peer_pid, f"{knocked.faculty.base}/dsp/2025-1")
    raw, before = data.draw(bodies(valid)), knocked.standing()

    answer = knocked.client.post(BASE + path.replace("{pid}", one.pid), content=raw, headers=TOKEN)

    if answer.is_success:
        return
    assert answer.status_code in {400, 403, 404}, answer.text
    kind = next(name for start, name in ERRORS.items() if path.startswith(start))
    said = check(answer.json(), getattr(wire, kind, None) or getattr(wire_catalog, kind)).document
    assert said["code"]
    assert said["reason"]
    assert before == knocked.standing()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    names = (("Faculty", Seat.HK), ("Hospital", Seat.CN_GBA9))
    with opened_world(tmp_path_factory.mktemp("others"), *names) as opened:
        yield opened


def valid_for(path, world) -> dict:
    _, faculty, hospital = world.nodes
    context = {"@context": ["https://w3id.org/dspace-dcp/v1.0/dcp.jsonld"]}
    return {
        "/peer/messages": {
            "id": "m1", "kind": "greeting", "from": faculty.did, "to": hospital.did,
            "at": "2026-03-02T08:00:00.000Z", "body": {"n": 1},
        },
        "/dcp/holder/presentations/query": {
            **context, "@type": "PresentationQueryMessage",
            "scope": ["org.eclipse.dspace.dcp.vc.type:MembershipCredential:read"],
        },
        "/dcp/holder/credentials": {
            **context, "@type": "CredentialMessage", "issuerPid": "a", "holderPid": "b",
            "status": "ISSUED",
            "credentials": [
                {"credentialType": "SeatCredential", "format": "jwt", "payload": "a.b.c"}
            ],
        },
        "/dcp/holder/offers": {
            **context, "@type": "CredentialOfferMessage", "issuer": faculty.did,
            "credentials": ["x"],
        },
        "/dcp/issuer/credentials": {
            **context, "@type": "CredentialRequestMessage", "holderPid": "p",
            "credentials": [{"id": "urn:tidegate:credential:seat"}],
        },
        "/space/join": {
            "code": "x" * 20, "name": "Faculty", "seat": "HK", "evidence_key": "a" * 43,
        },
    }[path]  # fmt: skip


OTHERS = [
    "/peer/messages",
    "/dcp/holder/presentations/query",
    "/dcp/holder/credentials",
    "/dcp/holder/offers",
    "/dcp/issuer/credentials",
    "/space/join",
]


@pytest.mark.parametrize("path", OTHERS)
@given(data=st.data())
@OFTEN
def test_the_doors_of_identity_space_and_messages_answer_in_words(world, path, data):
    authority, faculty, hospital = world.nodes
    node = authority if "issuer" in path or "space" in path else hospital
    raw = data.draw(bodies(valid_for(path, world)))
    members = [(one.did, one.state) for one in node.space.list_members()]
    held = node.wallet.list_credentials()
    with httpx.Client(transport=world.wire) as client:
        answer = client.post(
            node.identity.node.base_url + path,
            content=raw,
            headers={"authorization": faculty.identity.token_for(node.did)},
        )

    if not answer.is_success:
        assert 400 <= answer.status_code < 500, answer.text
        assert {"error", "code", "message"} <= set(json.loads(answer.content))
    assert members == [(one.did, one.state) for one in node.space.list_members()]
    assert held == node.wallet.list_credentials()
