"""Every operation of a whole node, called by nobody, by strangers and with nonsense."""

import asyncio
import re

import httpx
import pytest

from lib.nodes import make_home
from tidegate.access.model import Actor, Role
from tidegate.node.build import open_node
from tidegate.node.doors import OPERATIONS
from tidegate.node.server import make_app

pytestmark = pytest.mark.slow

BY = Actor("person:per_operator", "Operator", frozenset({Role.OPERATOR}))
PART = re.compile(r"{(\w+)(?::(\w+))?}")
IDS = [f"{each.method} {each.path}" for each in OPERATIONS]
every_operation = pytest.mark.parametrize("each", OPERATIONS, ids=IDS)


class Doors:
    """A node's application and the tokens of its people."""

    def __init__(self, node) -> None:
        self._app = make_app(node)
        access = node.house.access
        self.tokens = {}
        for role in (Role.OPERATOR, Role.RESEARCHER, Role.AUDITOR):
            email = f"{role.value}@test.example"
            person = access.add_person(role.value, email, frozenset({role}), by=BY)
            self.tokens[role] = access.issue_token(person.id, by=BY)

    def call(self, method: str, path: str, token: str = "", **options) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}

        async def send() -> httpx.Response:
            wire = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=wire, base_url="http://node") as client:
                return await client.request(method, path, headers=headers, **options)

        return asyncio.run(send())


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    with open_node(make_home(tmp_path_factory.mktemp("doors") / "node")) as node:
        yield Doors(node)


def address(each, value: str) -> str:
    return "/api/v1" + PART.sub(lambda part: "1" if part[2] == "int" else value, each.path)


@every_operation
def test_nobody_gets_in_without_a_token(doors, each):
    answer = doors.call(each.method, address(each, "x"))

    assert answer.status_code == 401 or each.public


@every_operation
@pytest.mark.parametrize("role", [Role.OPERATOR, Role.RESEARCHER])
def test_an_empty_call_about_nothing_is_answered_in_words(doors, each, role):
    answer = doors.call(each.method, address(each, "nothing_here"), doors.tokens[role], json={})

    assert answer.status_code < 500 or answer.status_code == 503, answer.text
    if answer.status_code >= 400:
        told = answer.json()
        assert told["message"].strip()
        assert re.fullmatch(r"[a-z][a-z0-9_]*", told["code"]), told["code"]


@every_operation
def test_hostile_names_in_the_address_lead_nowhere(doors, each):
    if "{" not in each.path:
        return
    for name in ("..%2f..%2fetc%2fpasswd", "%00", "'%20OR%201=1--", "%F0%9F%92%A9", "a" * 3000):
        answer = doors.call(each.method, address(each, name), doors.tokens[Role.OPERATOR], json={})

        assert answer.status_code < 500 or answer.status_code == 503, answer.text
        assert "root:" not in answer.text


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 50_000, b"\xff", b"nul", b"1e999"])
def test_broken_documents_are_refused_everywhere_that_takes_one(doors, body):
    for each in OPERATIONS:
        if each.takes is None:
            continue
        answer = doors.call(
            each.method, address(each, "x"), doors.tokens[Role.OPERATOR], content=body
        )

        assert 400 == answer.status_code, f"{each.method} {each.path}"


def test_a_researchers_token_does_not_lead_the_node(doors):
    token = doors.tokens[Role.RESEARCHER]
    body = {"name": "Eve", "email": "eve@test.example", "roles": ["operator"]}

    assert 403 == doors.call("POST", "/api/v1/people", token, json=body).status_code
    assert 403 == doors.call("GET", "/api/v1/tasks/parked", token).status_code


def test_a_revoked_persons_token_opens_nothing(doors):
    operator = doors.tokens[Role.OPERATOR]
    people = doors.call("GET", "/api/v1/people", operator).json()
    auditor = next(one["id"] for one in people if "auditor" in one["roles"])
    assert 200 == doors.call("GET", "/api/v1/me", doors.tokens[Role.AUDITOR]).status_code

    path = f"/api/v1/people/{auditor}/disable"
    assert doors.call("POST", path, operator, json={"reason": "left"}).is_success

    assert 401 == doors.call("GET", "/api/v1/me", doors.tokens[Role.AUDITOR]).status_code


@pytest.mark.parametrize(
    "path", ["/api/v1/../v1/people", "/api//v1/people", "/API/v1/people", "/api/v1/people/"]
)
def test_other_spellings_of_an_address_do_not_open_it(doors, path):
    assert doors.call("GET", path).status_code in {307, 401, 404}


def test_the_description_is_public_and_lists_everything(doors):
    document = doors.call("GET", "/api/v1/openapi.json").json()

    assert len(OPERATIONS) == sum(len(path) for path in document["paths"].values())
