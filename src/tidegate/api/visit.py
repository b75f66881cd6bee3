"""The door visitors' queries come in by: a bearer token of a visit, JSON in, a state out.

Results never leave by this door: they are sent to the asking node when they are released.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidegate.api.kit import decode, json_response, problem_response, read_body
from tidegate.house import House
from tidegate.kernel.errors import ForbiddenError, TidegateError
from tidegate.lab.query.wire import MAX_BYTES

ROOM = 4096  # bytes for what stands around the query


class VisitTokenMissingError(ForbiddenError):
    """The call carries no token of a visit."""


def routes(house: House) -> list[Route]:
    """Return the routes of the visit endpoint."""

    async def submit(request: Request) -> Response:
        token, pid = _token(request), request.path_params["transfer_pid"]
        document = decode(await read_body(request, MAX_BYTES + ROOM), dict[str, Any])
        answer = await run_in_threadpool(house.lab.submit, token, pid, document)
        return json_response(answer, 201)

    async def show(request: Request) -> Response:
        token, place = _token(request), request.path_params
        answer = await run_in_threadpool(
            house.lab.get_answer, token, place["transfer_pid"], place["query_id"]
        )
        return json_response(answer)

    async def withdraw(request: Request) -> Response:
        token, place = _token(request), request.path_params
        answer = await run_in_threadpool(
            house.lab.withdraw, token, place["transfer_pid"], place["query_id"]
        )
        return json_response(answer)

    base = "/visit/{transfer_pid}/queries"
    return [
        Route(base, _answering(submit), methods=["POST"]),
        Route(base + "/{query_id}", _answering(show), methods=["GET"]),
        Route(base + "/{query_id}/withdraw", _answering(withdraw), methods=["POST"]),
    ]


def _answering(
    handler: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except TidegateError as problem:
            return problem_response(problem)

    return answer


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise VisitTokenMissingError(
            "This call needs the token of a visit; ask for a visit first.", code="token_missing"
        )
    return token.strip()
