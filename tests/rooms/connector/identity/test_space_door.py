"""The doors of the space, for operators through the SDK and for other nodes over the wire."""

from types import SimpleNamespace

import httpx
import pytest
from starlette.applications import Starlette

from lib.space_world import OPERATOR, make_node
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Seat
from tidegate.api import kit, space
from tidegate_client.errors import NodeError
from tidegate_client.space import NotReadyError, Spaces
from tidegate_client.transport import Transport


class Access:
    """Knows one token."""

    def actor_for_token(self, token):
        if token != "operator":
            raise RoleMissingError("The token is unknown.", code="token_unknown")
        return OPERATOR


def spaces(world, node, where) -> Spaces:
    """Return the SDK's calls of a node, over the wire of the world."""
    house = SimpleNamespace(access=Access(), joining=node.joining)
    app = Starlette(routes=kit.routes(house, space.OPERATIONS))
    app.state.house = house
    world.wire.apps[where] = app
    http = httpx.Client(transport=world.wire)
    return Spaces(Transport(f"http://{where}", "operator", http=http))


def test_a_space_is_founded_joined_and_led_through_the_sdk(fresh_world, tmp_path):
    wire, clock = fresh_world.wire, fresh_world.clock
    head = make_node(tmp_path / "h", wire, 7810, "Head", Seat.HK, clock, role="authority")
    node = make_node(tmp_path / "n", wire, 7811, "New", Seat.MO, clock)
    leading, joining = spaces(fresh_world, head, "head:1"), spaces(fresh_world, node, "node:1")

    file = leading.create("Delta", "loopback")
    invited = leading.invite("New", "MO", standing={"ciio": False})
    joining.join(file, invited.code)
    status = joining.wait_until_ready(lambda: [head.run_tasks(), node.run_tasks()])

    assert status.is_ready
    assert {"Head", "New"} == {member.name for member in joining.list_members()}
    assert "revoked" == leading.revoke(node.did, "left").state
    head.ground.close()
    node.ground.close()


def test_waiting_for_credentials_ends_with_the_reason(fresh_world, tmp_path):
    node = make_node(tmp_path, fresh_world.wire, 7812, "Alone", Seat.HK, fresh_world.clock)

    with pytest.raises(NotReadyError, match="no space"):
        spaces(fresh_world, node, "node:2").wait_until_ready(lambda: None, tries=2)
    node.ground.close()


def test_a_call_without_a_known_token_is_refused(world):
    calls = spaces(world, world.authority, "head:3")
    calls._http._headers["Authorization"] = "Bearer guess"

    with pytest.raises(NodeError) as refusal:
        calls.status()

    assert 401 == refusal.value.status


def ask(world, method, path, content=b"", **headers):
    request = httpx.Request(
        method, f"http://localhost:7400{path}", content=content, headers=headers
    )
    response = world.wire.handle_request(request)
    response.read()
    return response


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/.well-known/did.json", 200),
        ("GET", "/space/space.json", 200),
        ("GET", "/dcp/issuer/metadata", 200),
        ("GET", "/dcp/issuer/schemas/SeatCredential", 200),
        ("GET", "/dcp/status/0", 200),
        ("GET", "/dcp/status/7", 404),
        ("GET", "/space/members", 401),
        ("GET", "/dcp/issuer/requests/x", 401),
    ],
)
def test_what_is_public_is_answered_and_the_rest_needs_a_token(world, method, path, status):
    response = ask(world, method, path)

    assert status == response.status_code
    assert ("www-authenticate" in response.headers) == (status == 401)


@pytest.mark.parametrize(
    "path",
    ["/peer/messages", "/dcp/holder/credentials", "/dcp/holder/offers", "/dcp/issuer/credentials",
     "/dcp/holder/presentations/query", "/space/join"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{}", 401), (b"{", 400), (b"[" * 5000, 400), (b" " * (9 * 1024 * 1024), 400)],
)
def test_no_door_takes_rubbish(world, path, content, status):
    assert status == ask(world, "POST", path, content).status_code


def test_an_absurdly_long_token_is_no_token(world):
    response = ask(world, "GET", "/space/members", authorization="Bearer " + "a" * 70_000)

    assert 401 == response.status_code


def test_a_broken_credential_is_a_bad_request(world):
    _, faculty, _ = world.nodes
    faculty.wallet.request_credentials()
    pid = faculty.ground.journal.read(
        lambda conn: conn.exec_driver_sql(
            "SELECT holder_pid FROM connector_ask ORDER BY asked_at DESC, holder_pid DESC"
        ).scalar()
    )
    message = {
        "@context": ["https://w3id.org/dspace-dcp/v1.0/dcp.jsonld"],
        "type": "CredentialMessage",
        "issuerPid": "i",
        "holderPid": pid,
        "status": "ISSUED",
        "credentials": [
            {"credentialType": "SeatCredential", "format": "vc20-bssl/jwt", "payload": "a.b.c"}
        ],
    }

    answer = world.authority.http.post(
        "http://localhost:7401/dcp/holder/credentials",
        message,
        authorization=world.authority.identity.token_with(faculty.did),
    )

    assert 400 == answer.status
