"""The data doors: rows fetched from this node in parts, and rows sent to it in segments.

Reads follow RFC 9110 (Range, If-Range, 206, 416; the entity tag is the SHA-256 of the content) and
RFC 9530 (Repr-Digest). Sends are partial PUTs (RFC 9110 §14.5); HEAD tells how much has arrived
(`Upload-Offset`). A token opens one transfer, in the Authorization header, with or without the word
Bearer: some data planes leave it out. Nothing of a content is ever held whole in memory.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import ExitStack, closing
from functools import partial

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tidegate.api.kit import attachment, problem_response
from tidegate.commons.vault.service import Draft
from tidegate.connector.dataplane.errors import (
    ContentTooLargeError,
    DataTokenRefusedError,
    DiskLowError,
    OffsetRefusedError,
    RangeRefusedError,
)
from tidegate.connector.dataplane.model import DataFlowState, FlowRecord
from tidegate.connector.dataplane.service import (
    Grant,
    HttpPlane,
    digest_header,
    etag_of,
    read_content_range,
    read_digest,
)
from tidegate.connector.messages.model import Side
from tidegate.house import House
from tidegate.kernel.errors import InvalidError, TidegateError, UnavailableError
from tidegate.kernel.text import whole_number

GATHER = 1024 * 1024  # bytes of a send gathered before a thread takes them


class ContentRangeInvalidError(InvalidError):
    """The Content-Range of a send cannot be read."""


def routes(house: House) -> list[Route]:
    """Return the routes of the data doors."""
    plane = house.dataplane

    async def fetch(request: Request) -> Response:
        pid, token = request.path_params["pid"], _token(request)
        record = await run_in_threadpool(plane.reading.check_token, pid, token)
        if record.flow.side is Side.CONSUMER:
            return await _told(plane, record)
        headers = request.headers
        grant = await run_in_threadpool(
            plane.reading.open,
            pid,
            token,
            headers.get("range", "") if request.method == "GET" else "",
            headers.get("if-range", ""),
        )
        answered = _headers(grant)
        status = 206 if grant.is_partial else 200
        if request.method == "HEAD":
            return Response(status_code=status, headers=answered)
        body = _paced(plane.reading.stream(grant))
        return StreamingResponse(body, status, answered, media_type=grant.parcel.media_type)

    async def send(request: Request) -> Response:
        pid, token = request.path_params["pid"], _token(request)
        record = await run_in_threadpool(plane.reading.check_token, pid, token)
        return await _taken(plane, record, request)

    return [
        Route("/rows/{pid}", _answering(fetch), methods=["GET", "HEAD"]),
        Route("/rows/{pid}", _answering(send), methods=["PUT", "POST"]),
    ]


def _headers(grant: Grant) -> dict[str, str]:
    parcel, part = grant.parcel, grant.part
    told = {
        "accept-ranges": "bytes",
        "cache-control": "no-store",
        "content-length": str(part.length),
        "content-type": parcel.media_type,
        "content-disposition": attachment(parcel.name),
        "etag": etag_of(parcel.sha256),
        "repr-digest": digest_header(parcel.sha256),
    }
    return told | ({"content-range": part.content_range()} if grant.is_partial else {})


async def _paced(pieces: Generator[bytes]) -> AsyncIterator[bytes]:
    """Yield pieces as the reader takes them; end the work at once when the reader goes away."""
    with closing(pieces):
        async for piece in iterate_in_threadpool(pieces):
            yield piece


async def _told(plane: HttpPlane, record: FlowRecord) -> Response:
    """Tell a sender how much has arrived."""
    held = await run_in_threadpool(plane.receiving.open_push, record)
    return Response(status_code=200, headers=_progress(held, is_whole=held == record.total))


def _progress(held: int, *, is_whole: bool) -> dict[str, str]:
    return {
        "upload-offset": str(held),
        "upload-complete": "?1" if is_whole else "?0",
        "cache-control": "no-store",
    }


async def _taken(plane: HttpPlane, record: FlowRecord, request: Request) -> Response:
    """Take in what a sender sends, from where the last one ended."""
    held = await run_in_threadpool(plane.receiving.open_push, record)
    record = await run_in_threadpool(plane.receiving.get, record.flow.pid)
    if record.state is DataFlowState.COMPLETED:
        return Response(status_code=200, headers=_progress(held, is_whole=True))
    start, end, total = _place(request)
    headers = request.headers
    digest = read_digest(headers.get("repr-digest", ""))
    pid = record.flow.pid
    with ExitStack() as stack:
        stack.enter_context(plane.receiving.writing(pid))
        record = await run_in_threadpool(plane.receiving.begin, record, start, total, digest)
        draft = await run_in_threadpool(plane.receiving.draft, record)
        try:
            await _gathered(plane, record, draft, end, request)
        finally:
            record = await run_in_threadpool(plane.receiving.pause, pid, draft, start)
        if end >= 0 and draft.size != end:
            raise ContentRangeInvalidError(
                "The body has another length than its Content-Range.", code="length_wrong"
            )
        is_whole = draft.size == record.total or (total < 0 and end < 0)
        if is_whole:
            await run_in_threadpool(plane.receiving.finish, record, tell_control=False)
    return Response(
        status_code=201 if is_whole else 202, headers=_progress(draft.size, is_whole=is_whole)
    )


async def _gathered(
    plane: HttpPlane, record: FlowRecord, draft: Draft, end: int, request: Request
) -> None:
    """Hand the body on in pieces of a mebibyte; no more is read while one is being written."""
    cut = plane.receiving.opened(record.flow.pid)
    take = partial(plane.receiving.take, record, draft)
    try:
        waiting = bytearray()
        async for piece in request.stream():
            waiting += piece
            if len(waiting) >= GATHER:
                await run_in_threadpool(take, bytes(waiting), end, cut)
                waiting.clear()
        await run_in_threadpool(take, bytes(waiting), end, cut)
    finally:
        plane.receiving.closed(record.flow.pid, cut)


def _place(request: Request) -> tuple[int, int, int]:
    """Return (start, end, total) of a send; -1 for what it does not say."""
    header = request.headers.get("content-range", "")
    if header:
        found = read_content_range(header)
        if found is None:
            raise ContentRangeInvalidError(
                "The Content-Range cannot be read (RFC 9110 §14.4).", code="content_range_invalid"
            )
        return found
    length = whole_number(request.headers.get("content-length", ""))
    whole = -1 if length is None else length
    return 0, whole, whole


def _token(request: Request) -> str:
    header = request.headers.get("authorization", "").strip()
    scheme, _, rest = header.partition(" ")
    token = rest.strip() if scheme.lower() == "bearer" else header
    if not token or len(token) > 400:
        raise DataTokenRefusedError(
            "This call needs the token of a transfer.", code="token_missing"
        )
    return token


def _answering(
    handler: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except ClientDisconnect:
            return Response(status_code=400)
        except TidegateError as problem:
            return _refusal(problem)

    return answer


def _refusal(problem: TidegateError) -> Response:
    response = problem_response(problem)
    if isinstance(problem, DataTokenRefusedError):
        response.status_code = 401
        response.headers["www-authenticate"] = "Bearer"
    elif isinstance(problem, RangeRefusedError):
        response.status_code = 416
    elif isinstance(problem, ContentTooLargeError):
        response.status_code = 413
        response.headers["connection"] = "close"
    elif isinstance(problem, DiskLowError):
        response.status_code = 507
        response.headers["retry-after"] = "60"
    elif isinstance(problem, OffsetRefusedError):
        response.headers["upload-offset"] = problem.details.get("received", "0")
    elif isinstance(problem, UnavailableError):
        response.headers["retry-after"] = "1"
    elif response.status_code not in {400, 404, 409}:
        response.status_code = 403
    return response
