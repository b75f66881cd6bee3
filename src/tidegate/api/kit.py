"""How a management operation is declared, and how a call of it is answered.

An operation names its method, path, the type of its body and of its answer. The kit authenticates
the caller, reads the body strictly, runs the handler in a thread and writes the answer, so that a
handler only calls a service. `api/openapi.py` describes the same table.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from string import ascii_letters, digits
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidegate.access.model import Actor
from tidegate.access.rules import ANONYMOUS
from tidegate.house import House
from tidegate.kernel.errors import (
    ConflictError,
    CorruptError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TidegateError,
    UnavailableError,
    WithheldError,
)
from tidegate.kernel.values import dataclass

B = TypeVar("B")
MAX_BODY = 4 * 1024 * 1024  # bytes of a management call; files have a streaming door of their own
PREFIX = "/api/v1"

STATUS: Mapping[type[TidegateError], int] = {
    NotFoundError: 404,
    ForbiddenError: 403,
    ConflictError: 409,
    InvalidError: 400,
    WithheldError: 403,
    UnavailableError: 503,
    CorruptError: 500,
}
"""The one table from a kind of error to an HTTP status."""

_FOUND = re.compile(r"(Invalid value|Invalid \w+ value|unknown field).*", re.DOTALL)


class UnauthenticatedError(ForbiddenError):
    """The call carries no valid token."""


class TooLargeError(InvalidError):
    """The body is larger than this door takes."""


@dataclass(frozen=True, slots=True)
class Call(Generic[B]):
    """One authenticated call: whose it is, what the path and query say, and the typed body."""

    house: House
    actor: Actor
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: B


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the management API. `path` is relative to /api/v1; `{name}` is a path part."""

    method: str
    path: str
    handler: Callable[[Call[Any]], object]
    takes: Any = None
    gives: Any = None
    summary: str = ""
    public: bool = False
    status: int = 200


@dataclass(frozen=True, slots=True)
class Problem:
    """The body of every refusal."""

    error: str
    code: str
    message: str
    details: Mapping[str, str] = field(default_factory=dict)
    withheld: bool = False


def status_of(problem: TidegateError) -> int:
    """Return the HTTP status of a kind of error; 401 where a token is what is missing."""
    if isinstance(problem, UnauthenticatedError):
        return 401
    for kind, status in STATUS.items():
        if isinstance(problem, kind):
            return status
    return 500


def problem_response(problem: TidegateError) -> Response:
    """Write a refusal as JSON."""
    document = Problem(
        problem.kind,
        problem.code,
        problem.message,
        problem.details,
        isinstance(problem, WithheldError),
    )
    return json_response(document, status_of(problem))


def json_response(content: object, status: int = 200) -> Response:
    """Write a typed value as JSON."""
    return Response(
        msgspec.json.encode(content),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


_FILE_NAME = frozenset(ascii_letters + digits + "._- ")


def attachment(name: str) -> str:
    """Return the Content-Disposition of a file with that name, whatever characters it holds.

    Source: RFC 6266, section 4.3 and appendix D.
    """
    plain = "".join(one if one in _FILE_NAME else "_" for one in name)
    full = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{full}'


def authenticate(request: Request) -> Actor:
    """Return who is calling, by the bearer token; raise UnauthenticatedError."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError(
            "This call needs a token; send it as `Authorization: Bearer …`.", code="token_missing"
        )
    house: House = request.app.state.house
    try:
        return house.access.actor_for_token(token.strip())
    except ForbiddenError as problem:
        raise UnauthenticatedError(problem.message, code=problem.code) from None


async def read_body(request: Request, limit: int = MAX_BODY) -> bytes:
    """Read the body, stopping at `limit` bytes; raise TooLargeError beyond it."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLargeError(f"The body is larger than {limit} bytes; send less.")
        chunks.append(chunk)
    return b"".join(chunks)


def decode(content: bytes, into: Any) -> Any:
    """Read JSON strictly into a type; raise InvalidError that names the place, never the value."""
    try:
        return msgspec.json.decode(content or b"{}", type=into)
    except msgspec.ValidationError as problem:
        raise InvalidError(
            f"The body does not fit: {_place(problem)}.", code="body_invalid"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidError("The body is not valid JSON.", code="body_invalid") from None


def _place(problem: msgspec.ValidationError) -> str:
    """Say what was expected and where; what was found instead stays out of it."""
    words, at, place = str(problem).rpartition(" - at `")
    expected = _FOUND.sub(r"\1", words if at else place)
    return f"{expected}{at}{place}" if at else expected


def routes(house: House, operations: tuple[Operation, ...]) -> list[Route]:
    """Return the Starlette routes of the operations."""
    return [
        Route(PREFIX + operation.path, _endpoint(house, operation), methods=[operation.method])
        for operation in operations
    ]


def _endpoint(house: House, operation: Operation) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        try:
            actor = (
                ANONYMOUS if operation.public else await run_in_threadpool(authenticate, request)
            )
            raw = await read_body(request)
            body = decode(raw, operation.takes) if operation.takes is not None else None
            call: Call[Any] = Call(
                house, actor, request.path_params, dict(request.query_params), body
            )
            result = await run_in_threadpool(operation.handler, call)
        except TidegateError as problem:
            return problem_response(problem)
        if isinstance(result, Response):
            return result
        return (
            json_response(result, operation.status)
            if operation.gives
            else Response(status_code=204)
        )

    return answer
