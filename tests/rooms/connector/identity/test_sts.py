"""The secure token service: closed until a client is registered, then bound to its scopes."""

import json
from urllib.parse import urlencode

import httpx
import pytest

from lib.space_world import OPERATOR
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Actor
from tidegate.connector.errors import MessageInvalidError, RequestUnknownError, StsRefusedError
from tidegate.connector.identity import jose
from tidegate.connector.identity.messages import DCP_CONTEXT

MEMBERSHIP = "org.eclipse.dspace.dcp.vc.type:MembershipCredential:read"
SEAT = "org.eclipse.dspace.dcp.vc.type:SeatCredential"


def post(world, form) -> tuple[int, dict]:
    content = form if isinstance(form, bytes) else urlencode(form).encode()
    request = httpx.Request("POST", "http://localhost:7401/dcp/sts/token", content=content)
    response = world.wire.handle_request(request)
    response.read()
    return response.status_code, json.loads(response.content)


def registered(world, *scopes) -> dict:
    client, secret = world.nodes[1].sts.add_client("Second connector", scopes, by=OPERATOR)
    return {
        "grant_type": "client_credentials", "client_id": client.id, "client_secret": secret,
        "audience": world.nodes[2].did, "bearer_access_scope": MEMBERSHIP,
    }  # fmt: skip


def test_the_address_does_not_exist_until_a_client_is_registered(fresh_world):
    form = registered(fresh_world)
    assert 200 == post(fresh_world, form)[0]

    fresh_world.nodes[1].sts.remove_client(form["client_id"], by=OPERATOR)

    assert (404, "no_route") == (post(fresh_world, form)[0], post(fresh_world, form)[1]["code"])
    assert () == fresh_world.nodes[1].sts.list_clients(by=OPERATOR)
    with pytest.raises(RequestUnknownError):
        fresh_world.nodes[1].sts.remove_client(form["client_id"], by=OPERATOR)


def test_the_token_is_this_nodes_own_and_grants_the_scopes_to_its_audience(world):
    _, faculty, hospital = world.nodes
    status, given = post(world, registered(world))
    claims = jose.read(given["access_token"]).claims
    query = {
        "@context": [DCP_CONTEXT], "type": "PresentationQueryMessage", "scope": [MEMBERSHIP, SEAT]
    }  # fmt: skip

    answer = faculty.wallet.answer_query(
        hospital.identity.token_with(faculty.did, claims["token"]), query
    )

    assert (200, "Bearer") == (status, given["token_type"])
    assert (faculty.did, faculty.did, hospital.did) == tuple(
        claims[n] for n in ("iss", "sub", "aud")
    )
    listed = jose.read(answer["presentation"][0]).claims["vp"]["verifiableCredential"]
    assert [["VerifiableCredential", "MembershipCredential"]] == [
        jose.read(jwt).claims["type"] for jwt in listed
    ]


def test_a_token_can_carry_an_access_token_that_was_given(world):
    form = {**registered(world), "token": "opaque"}
    del form["bearer_access_scope"]

    _, given = post(world, form)

    assert "opaque" == jose.read(given["access_token"]).claims["token"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"client_secret": "guess"}, 401, "invalid_client"),
        ({"client_id": "guess"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"audience": "https://verifier"}, 400, "invalid_target"),
        ({"bearer_access_scope": ""}, 400, "invalid_request"),
        ({"token": "both"}, 400, "invalid_request"),
        ({"bearer_access_scope": "everything"}, 400, "invalid_scope"),
        ({"bearer_access_scope": SEAT}, 400, "invalid_scope"),
        ({"audience": "x" * 9000}, 400, "invalid_request"),
    ],
)
def test_every_wrong_form_is_refused_in_the_words_of_oauth(world, changes, status, code):
    answer = post(world, {**registered(world, MEMBERSHIP), **changes})

    assert (status, code) == (answer[0], answer[1]["error"])
    assert "guess" not in answer[1]["error_description"]


@pytest.mark.parametrize(
    "content", [b"\xff", b"a=1&a=2", b"x=" + b"y" * 70_000, b"&".join([b"a=1"] * 40)]
)
def test_what_is_no_form_is_refused(world, content):
    registered(world)

    assert (400, "invalid_request") == (post(world, content)[0], post(world, content)[1]["error"])


def test_only_operators_register_clients_and_only_known_scopes(world):
    service = world.nodes[1].sts

    with pytest.raises(RoleMissingError):
        service.add_client("x", (), by=Actor("person:x", "x"))
    with pytest.raises(MessageInvalidError):
        service.add_client(" ", (), by=OPERATOR)
    with pytest.raises(MessageInvalidError):
        service.add_client("x", ("everything",), by=OPERATOR)


def test_every_token_leaves_evidence_and_no_secret_does(fresh_world):
    form = registered(fresh_world)
    post(fresh_world, form)

    leaves = fresh_world.nodes[1].ground.journal.read(_leaves)

    assert any("sts.token_given" in leaf for leaf in leaves)
    assert not any(form["client_secret"] in leaf for leaf in leaves)


def _leaves(conn):
    return [str(tuple(row)) for row in conn.exec_driver_sql("SELECT * FROM audit_leaf")]


def test_a_refusal_is_an_error_of_the_room(world):
    with pytest.raises(StsRefusedError):
        world.nodes[1].sts.give_token({**registered(world), "client_secret": ""})
