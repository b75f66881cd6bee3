"""The wire of the SDK: what is sent, what is read, and how refusals come out."""

import httpx
import msgspec
import pytest

from tidegate_client.client import Client
from tidegate_client.errors import NodeError, UnreachableError, WithheldError
from tidegate_client.transport import Transport


class Thing(msgspec.Struct, frozen=True):
    """An answer."""

    name: str
    count: int = 0


class Node:
    """A node in this process: answers as told and remembers what it was asked."""

    def __init__(self, status: int = 200, body: bytes = b'{"name":"x"}') -> None:
        self.status, self.body = status, body
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        return httpx.Response(self.status, content=self.body)

    def transport(self, token: str = "secret") -> Transport:
        http = httpx.Client(transport=httpx.MockTransport(self))
        return Transport("http://node:7400/", token, http=http)


def test_a_call_goes_to_the_management_api_with_the_token():
    node = Node()

    assert Thing("x") == node.transport().get("/things/1", Thing, page=2)

    (asked,) = node.asked
    assert "http://node:7400/api/v1/things/1?page=2" == str(asked.url)
    assert "Bearer secret" == asked.headers["authorization"]


def test_without_a_token_no_header_is_sent():
    node = Node()

    node.transport("").get("/things/1", Thing)

    assert "authorization" not in node.asked[0].headers


@pytest.mark.parametrize("method", ["post", "put"])
def test_a_body_is_sent_as_json(method):
    node = Node()

    getattr(node.transport(), method)("/things", Thing("肝", 2), Thing)

    (asked,) = node.asked
    assert (method.upper(), "application/json") == (asked.method, asked.headers["content-type"])
    assert Thing("肝", 2) == msgspec.json.decode(asked.content, type=Thing)


def test_no_body_is_an_empty_document():
    node = Node()

    node.transport().post("/things", None, Thing)

    assert b"{}" == node.asked[0].content


def test_an_answer_without_content_is_none():
    assert Node(204, b"").transport().delete("/things/1", type(None)) is None


def test_what_a_newer_node_adds_to_an_answer_is_ignored():
    assert Thing("x") == Node(body=b'{"name":"x","new":[1]}').transport().get("/t", Thing)


def test_an_upload_is_streamed():
    node = Node()

    node.transport().upload("/uploads", iter([b"one", b"two"]), Thing, name="a.csv")

    (asked,) = node.asked
    assert (b"onetwo", "PUT") == (asked.content, asked.method)
    assert "application/octet-stream" == asked.headers["content-type"]
    assert "name=a.csv" in str(asked.url)


def test_a_download_is_the_bytes():
    assert b"\x00\x01" == Node(body=b"\x00\x01").transport().download("/evidence")


@pytest.mark.parametrize(
    ("status", "kind", "raised"),
    [
        (400, "invalid", NodeError),
        (401, "forbidden", NodeError),
        (403, "withheld", WithheldError),
        (404, "not_found", NodeError),
        (409, "conflict", NodeError),
        (500, "corrupt", NodeError),
        (503, "unavailable", UnreachableError),
    ],
)
def test_a_refusal_is_raised_with_all_it_says(status, kind, raised):
    told = {"error": kind, "code": "why", "message": "Because.", "details": {"thing": "th_1"}}
    node = Node(status, msgspec.json.encode(told))

    with pytest.raises(raised) as refused:
        node.transport().get("/things/1", Thing)

    problem = refused.value
    assert (status, kind, "why", "Because.", {"thing": "th_1"}) == (
        problem.status, problem.kind, problem.code, problem.message, problem.details,
    )  # fmt: skip
    assert raised is type(problem)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"no"', b"\xff"])
def test_a_refusal_in_another_form_is_still_told(body):
    with pytest.raises(NodeError, match="answered 502 without a reason") as refused:
        Node(502, body).transport().get("/things/1", Thing)

    assert 502 == refused.value.status


def test_a_redirect_is_not_followed():
    with pytest.raises(NodeError) as refused:
        Node(302, b"").transport().get("/things/1", Thing)

    assert 302 == refused.value.status


def test_a_node_that_is_not_there_is_told_apart():
    def nobody(request):
        raise httpx.ConnectError("refused", request=request)

    http = httpx.Client(transport=httpx.MockTransport(nobody))

    with pytest.raises(UnreachableError) as refused:
        Transport("http://node", http=http).get("/things/1", Thing)

    assert (0, "unreachable") == (refused.value.status, refused.value.code)


def test_a_client_is_closed_with_its_block():
    http = httpx.Client(transport=httpx.MockTransport(Node()))

    with Client("http://node", "t", http=http) as client:
        assert client.space is not None

    assert http.is_closed
