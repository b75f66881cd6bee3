"""The kit of the management API: who calls, what the body says, what is refused and how."""

import asyncio
from dataclasses import dataclass
from types import SimpleNamespace

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse

from tidegate.access.model import Actor, Role
from tidegate.api.kit import (
    MAX_BODY,
    STATUS,
    Call,
    Operation,
    UnauthenticatedError,
    attachment,
    decode,
    routes,
    status_of,
)
from tidegate.kernel.errors import ForbiddenError, InvalidError, TidegateError

STEWARD = Actor("person:per_li", "Li", frozenset({Role.STEWARD}))


@dataclass(frozen=True, slots=True)
class Thing:
    """A body of a call."""

    name: str
    count: int = 1


class Access:
    """Knows one token."""

    def actor_for_token(self, token: str) -> Actor:
        if token != "right":
            raise ForbiddenError("This token is unknown or was revoked.", code="token_unknown")
        return STEWARD


def echo(call: Call[Thing]) -> dict:
    return {
        "by": call.actor.id,
        "name": call.body.name,
        "count": call.body.count,
        "path": dict(call.path),
        "query": dict(call.query),
    }


def refuse(call: Call[None]) -> None:
    kind = next(each for each in STATUS if each.kind == call.path["kind"])
    raise kind("No, because of a reason.", code="a_reason", thing="th_1")


def plain(_call: Call[None]) -> PlainTextResponse:
    return PlainTextResponse("as it is")


OPERATIONS = (
    Operation("POST", "/things/{id}", echo, takes=Thing, gives=dict, status=201),
    Operation("POST", "/open", echo, takes=Thing, gives=dict, public=True),
    Operation("GET", "/refusals/{kind}", refuse, gives=dict),
    Operation("GET", "/plain", plain, gives=object),
    Operation("DELETE", "/things/{id}", lambda _call: None),
)


class Browser:
    """Calls the application in this process, with the right token unless told otherwise."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    def request(self, method: str, path: str, **options) -> httpx.Response:
        headers = {"Authorization": "Bearer right", **options.pop("headers", {})}

        async def send() -> httpx.Response:
            wire = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=wire, base_url="http://node") as client:
                return await client.request(method, path, headers=headers, **options)

        return asyncio.run(send())

    def get(self, path: str, **options) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options) -> httpx.Response:
        return self.request("POST", path, **options)


@pytest.fixture
def browser():
    app = Starlette(routes=routes(SimpleNamespace(), OPERATIONS))
    app.state.house = SimpleNamespace(access=Access())
    return Browser(app)


# -- who calls


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic right", "right", "Token right"])
def test_a_call_without_a_bearer_token_is_401(browser, header):
    answer = browser.post("/api/v1/things/1", json={"name": "x"}, headers={"Authorization": header})

    assert (401, "token_missing") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("token", ["wrong", "right2", "RIGHT", "rig ht", "right,right"])
def test_a_call_with_an_unknown_token_is_401_with_its_reason(browser, token):
    answer = browser.get("/api/v1/plain", headers={"Authorization": f"Bearer {token}"})

    assert (401, "token_unknown") == (answer.status_code, answer.json()["code"])


def test_the_handler_learns_who_calls(browser):
    assert STEWARD.id == browser.post("/api/v1/things/1", json={"name": "x"}).json()["by"]


def test_the_scheme_is_read_in_any_case(browser):
    answer = browser.get("/api/v1/plain", headers={"Authorization": "bearer right"})

    assert 200 == answer.status_code


def test_a_public_operation_asks_for_no_token_and_knows_nobody(browser):
    answer = browser.post("/api/v1/open", json={"name": "x"}, headers={"Authorization": ""})

    assert (200, True) == (answer.status_code, answer.json()["by"] != STEWARD.id)


def test_who_is_not_known_learns_nothing_of_the_body(browser):
    answer = browser.post("/api/v1/things/1", content=b"{", headers={"Authorization": ""})

    assert 401 == answer.status_code


# -- what the body says


def test_a_call_is_answered_typed_with_its_status(browser):
    answer = browser.post("/api/v1/things/7?page=2", json={"name": "x", "count": 3})

    expected = {"by": STEWARD.id, "name": "x", "count": 3, "path": {"id": "7"}}
    assert (201, {**expected, "query": {"page": "2"}}) == (answer.status_code, answer.json())
    assert "no-store" == answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"count": 1},
        {"name": 1},
        {"name": None},
        {"name": ["x"]},
        {"name": "x", "count": "1"},
        {"name": "x", "count": 1.5},
        {"name": "x", "count": True},
        [],
        "x",
        None,
    ],
)
def test_a_body_of_another_form_is_refused(browser, body):
    answer = browser.post("/api/v1/things/1", json=body)

    assert (400, "body_invalid") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"{]",
        b"nonsense",
        b'{"name": "x"} more',
        b"\xff\xfe",
        b'{"name": "\xff"}',
        b'{"name": NaN}',
        b"[" * 200_000,
        b'{"name": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"name":"x","other":' + b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"}",
    ],
    ids=range(10),
)
def test_a_body_that_is_no_json_or_too_deep_is_refused_in_words(browser, raw):
    answer = browser.post("/api/v1/things/1", content=raw)

    assert (400, "invalid") == (answer.status_code, answer.json()["error"])


def test_a_refused_body_is_not_told_back(browser):
    answer = browser.post("/api/v1/things/1", json={"name": "x", "count": "A1234563"})

    assert "A1234563" not in answer.text


def test_a_body_that_is_too_large_is_refused(browser):
    answer = browser.post("/api/v1/things/1", content=b'{"name":"' + b"x" * MAX_BODY + b'"}')

    assert (400, "too_large") == (answer.status_code, answer.json()["code"])


def test_a_streamed_body_that_never_ends_is_cut_off(browser):
    sent = []

    async def forever():
        for number in range(64):
            sent.append(number)
            yield b"x" * 1024 * 1024

    answer = browser.post("/api/v1/things/1", content=forever())

    assert 400 == answer.status_code


def test_an_operation_without_a_body_ignores_one(browser):
    assert 204 == browser.request("DELETE", "/api/v1/things/1", content=b"{").status_code


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(raw):
    try:
        thing = decode(raw, Thing)
    except InvalidError:
        return

    assert isinstance(thing, Thing)


@given(st.text(), st.integers(-(2**53), 2**53))
def test_what_is_written_is_read(name, count):
    raw = msgspec.json.encode(Thing(name, count))

    assert Thing(name, count) == decode(raw, Thing)


# -- what is answered


@pytest.mark.parametrize(("kind", "status"), STATUS.items(), ids=lambda each: str(each))
def test_every_kind_of_error_has_its_status_and_says_why(browser, kind, status):
    answer = browser.get(f"/api/v1/refusals/{kind.kind}")

    told = answer.json()
    assert status == answer.status_code
    assert (kind.kind, "a_reason", "No, because of a reason.", {"thing": "th_1"}) == (
        told["error"], told["code"], told["message"], told["details"],
    )  # fmt: skip
    assert (kind.kind == "withheld") == told["withheld"]


def test_every_kind_of_the_house_is_in_the_table():
    kinds = {
        each for each in TidegateError.__subclasses__() if each.__module__.endswith("kernel.errors")
    }

    assert kinds == set(STATUS)


def test_missing_tokens_are_401_and_unforeseen_errors_500():
    assert 401 == status_of(UnauthenticatedError("x"))
    assert 500 == status_of(TidegateError("x"))


def test_a_handler_may_answer_for_itself(browser):
    assert "as it is" == browser.get("/api/v1/plain").text


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
def test_a_method_that_is_not_offered_is_405(browser, method):
    assert 405 == browser.request(method, "/api/v1/open").status_code


@pytest.mark.parametrize(
    "path", ["/api/v1/things/..%2fopen", "/api/v1/things/%2e%2e%2fopen", "/api/v1/things/a%2fb"]
)
def test_an_encoded_slash_stays_inside_its_part_or_leads_nowhere(browser, path):
    answer = browser.post(path, json={"name": "x"})

    assert answer.status_code == 404 or "/" in answer.json()["path"]["id"]
    assert answer.status_code != 200


@pytest.mark.parametrize("path", ["/api/v1/things/", "/api/v1/nothing", "/api/v2/open", "/api/v1"])
def test_an_unknown_address_is_404(browser, path):
    assert 404 == browser.post(path, json={"name": "x"}).status_code


@dataclass(frozen=True, slots=True)
class Choosing:
    """A body with a choice."""

    role: Role


@pytest.mark.parametrize("said", ["Chan Tai Man", "x' - at `$.y`", "a\nb"])
def test_a_refusal_of_a_body_names_the_place_and_never_the_value(said):
    with pytest.raises(InvalidError) as refusal:
        decode(msgspec.json.encode({"role": said}), Choosing)

    assert "The body does not fit: Invalid enum value - at `$.role`." == refusal.value.message


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rows.parquet", 'attachment; filename="rows.parquet"'),
        ("肝.csv", "attachment; filename=\"_.csv\"; filename*=UTF-8''%E8%82%9D.csv"),
        (
            'a"\\\r\nX: y',
            "attachment; filename=\"a____X_ y\"; filename*=UTF-8''a%22%5C%0D%0AX%3A%20y",
        ),
    ],
)
def test_a_file_name_of_somebody_else_is_one_part_of_one_header(name, expected):
    assert attachment(name) == expected
    expected.encode("latin-1")
