"""The Dataspace Protocol 2025-1 over HTTP: catalogue, negotiation and transfer for other nodes.

A thin door: it finds who speaks, hands the raw message to the service, and turns every outcome
into the typed document the protocol asks for. Unknown pids and pids of others are 404 alike; what
may not come now is 400; what may pass later is 503, because peers give up on other errors.
"""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import Any, Protocol

import msgspec
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidegate.connector.catalog.model import Page
from tidegate.connector.catalog.service import DspCatalogService
from tidegate.connector.errors import PeerRefusedError, PeerUnauthenticatedError
from tidegate.connector.messages.compose import (
    Document,
    catalog_error,
    negotiation,
    negotiation_error,
    transfer,
    transfer_error,
    version_document,
)
from tidegate.connector.messages.delivery import AnswerGate
from tidegate.connector.messages.errors import MessageRefusedError, ProcessUnknownError
from tidegate.connector.messages.read import LARGEST_MESSAGE
from tidegate.connector.messages.wire import BASE_PATH
from tidegate.connector.model import Peer
from tidegate.connector.negotiation.model import Negotiation
from tidegate.connector.negotiation.service import NegotiationService
from tidegate.connector.transfer.model import Transfer
from tidegate.connector.transfer.service import TransferService
from tidegate.kernel.errors import (
    NotFoundError,
    TidegateError,
    UnavailableError,
)
from tidegate.kernel.values import dataclass


class Authenticator(Protocol):
    """Finds the member behind an Authorization header."""

    def authenticate(self, authorization: str | None) -> Peer:
        """Return the peer; raise PeerUnauthenticatedError or PeerRefusedError."""
        ...


class Rooms(Protocol):
    """What this door needs of the house."""

    @property
    def identity(self) -> Authenticator:
        """Who speaks."""
        ...

    @property
    def negotiation(self) -> NegotiationService:
        """Agreements."""
        ...

    @property
    def transfer(self) -> TransferService:
        """Transfers and visits."""
        ...

    @property
    def dsp_catalog(self) -> DspCatalogService:
        """The catalogue for peers."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of a peer."""

    peer: Peer
    body: bytes
    pid: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back."""

    status: int
    document: Document = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    """JSON that is written already, in place of a document."""

    def written(self) -> bytes:
        """Return the JSON that goes back."""
        return self.content or msgspec.json.encode(self.document)


WORTH_PACKING = 16 * 1024
Handler = Callable[[Rooms, Asked], Reply]
Refusal = Callable[[str, str, str, list[str]], Document]


def _negotiated(one: Negotiation, status: int = 200) -> Reply:
    return Reply(status, negotiation(one.provider_pid, one.consumer_pid, one.wire_state))


def _transferred(one: Transfer, status: int = 200) -> Reply:
    return Reply(status, transfer(one.provider_pid, one.consumer_pid, one.wire_state))


def _paged(page: Page) -> Reply:
    link = page.link_header()
    return Reply(200, {}, {"Link": link} if link else {}, page.content)


def _catalogue_refused(_ours: str, _theirs: str, code: str, reasons: list[str]) -> Document:
    return catalog_error(code, reasons)


_CATALOG: dict[tuple[str, str], Handler] = {
    ("POST", "/catalog/request"): lambda rooms, asked: _paged(
        rooms.dsp_catalog.request(asked.peer, asked.body, cursor=asked.query.get("cursor", ""))
    ),
    ("GET", "/catalog/datasets/{pid:path}"): lambda rooms, asked: Reply(
        200, content=rooms.dsp_catalog.dataset(asked.peer, asked.pid)
    ),
}

_NEGOTIATION: dict[tuple[str, str], Handler] = {
    ("POST", "/negotiations/request"): lambda rooms, asked: _negotiated(
        rooms.negotiation.receive_request(asked.peer, asked.body), 201
    ),
    ("POST", "/negotiations/offers"): lambda rooms, asked: _negotiated(
        rooms.negotiation.receive_offer(asked.peer, asked.body), 201
    ),
    ("GET", "/negotiations/{pid}"): lambda rooms, asked: _negotiated(
        rooms.negotiation.show(asked.peer, asked.pid)
    ),
    ("POST", "/negotiations/{pid}/request"): lambda rooms, asked: _negotiated(
        rooms.negotiation.receive_request(asked.peer, asked.body, asked.pid)
    ),
    ("POST", "/negotiations/{pid}/offers"): lambda rooms, asked: _negotiated(
        rooms.negotiation.receive_offer(asked.peer, asked.body, asked.pid)
    ),
    ("POST", "/negotiations/{pid}/agreement"): lambda rooms, asked: _negotiated(
        rooms.negotiation.receive_agreement(asked.peer, asked.body, asked.pid)
    ),
    ("POST", "/negotiations/{pid}/agreement/verification"): lambda rooms, asked: _negotiated(
        rooms.negotiation.receive_verification(asked.peer, asked.body, asked.pid)
    ),
    ("POST", "/negotiations/{pid}/events"): lambda rooms, asked: _negotiated(
        rooms.negotiation.receive_event(asked.peer, asked.body, asked.pid)
    ),
    ("POST", "/negotiations/{pid}/termination"): lambda rooms, asked: _negotiated(
        rooms.negotiation.receive_termination(asked.peer, asked.body, asked.pid)
    ),
}

_TRANSFER: dict[tuple[str, str], Handler] = {
    ("POST", "/transfers/request"): lambda rooms, asked: _transferred(
        rooms.transfer.receive_request(asked.peer, asked.body), 201
    ),
    ("GET", "/transfers/{pid}"): lambda rooms, asked: _transferred(
        rooms.transfer.show(asked.peer, asked.pid)
    ),
    ("POST", "/transfers/{pid}/start"): lambda rooms, asked: _transferred(
        rooms.transfer.receive_start(asked.peer, asked.body, asked.pid)
    ),
    ("POST", "/transfers/{pid}/renewal"): lambda rooms, asked: Reply(
        200, rooms.transfer.renew(asked.peer, asked.pid)
    ),
    ("POST", "/transfers/{pid}/completion"): lambda rooms, asked: _transferred(
        rooms.transfer.receive_completion(asked.peer, asked.body, asked.pid)
    ),
    ("POST", "/transfers/{pid}/suspension"): lambda rooms, asked: _transferred(
        rooms.transfer.receive_suspension(asked.peer, asked.body, asked.pid)
    ),
    ("POST", "/transfers/{pid}/termination"): lambda rooms, asked: _transferred(
        rooms.transfer.receive_termination(asked.peer, asked.body, asked.pid)
    ),
}

OPERATIONS: tuple[tuple[str, str, Handler, Refusal], ...] = (
    *((m, p, h, _catalogue_refused) for (m, p), h in _CATALOG.items()),
    *((m, p, h, negotiation_error) for (m, p), h in _NEGOTIATION.items()),
    *((m, p, h, transfer_error) for (m, p), h in _TRANSFER.items()),
)


def status_of(problem: TidegateError, *, about_pid: bool) -> int:
    """Return the HTTP status the protocol gives a kind of error."""
    if isinstance(problem, PeerUnauthenticatedError):
        return 401
    if isinstance(problem, PeerRefusedError):
        return 404 if about_pid else 403
    if isinstance(problem, NotFoundError):
        return 404
    if isinstance(problem, UnavailableError):
        return 503
    return 400


def respond(
    rooms: Rooms,
    operation: tuple[str, str, Handler, Refusal],
    authorization: str | None,
    asked: Callable[[Peer], Asked],
    pids: Mapping[str, str],
) -> Reply:
    """Answer one call; every refusal is the typed error of its protocol."""
    _, path, handler, refusal = operation
    try:
        call = asked(rooms.identity.authenticate(authorization))
        if not call.pid.isprintable():
            raise ProcessUnknownError("There is nothing of that name.", code="pid_unknown")
        return handler(rooms, call)
    except TidegateError as problem:
        status = status_of(problem, about_pid="{pid" in path)
        document = refusal(
            pids.get("providerPid", ""),
            pids.get("consumerPid", ""),
            problem.code,
            [problem.message],
        )
        return Reply(status, document, {"WWW-Authenticate": "Bearer"} if status == 401 else {})


def pids_in(body: bytes, path_pid: str) -> dict[str, str]:
    """Return the pids a message names, to echo them in an error; the path's where it names none."""
    own = path_pid if path_pid.isprintable() else ""
    found = {"providerPid": own, "consumerPid": own}
    try:
        said: Any = msgspec.json.decode(body) if body else {}
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return found
    if isinstance(said, list) and len(said) == 1:
        said = said[0]
    for key, value in said.items() if isinstance(said, dict) else ():
        if not key.endswith(_PIDS):  # a stranger may send very many names: most cost nothing
            continue
        name, pid = key[-len(_PIDS[0]) :], _pid(value)
        if key[: -len(name)][-1:] in _BEFORE and 0 < len(pid) <= 400 and pid.isprintable():
            found[name] = pid
    return found


_PIDS = ("providerPid", "consumerPid")
_BEFORE = ("", "/", "#", ":")  # a prefix or an IRI before the word


def _pid(value: Any) -> str:
    """Return the pid in a value, however it is spelled."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict) and len(value) == 1:
        value = value.get("@id", value.get("@value"))
    return value if isinstance(value, str) else ""


async def _body(request: Request) -> bytes:
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > LARGEST_MESSAGE:
            raise MessageRefusedError("The message is larger than one mebibyte.")
    return bytes(chunks)


def _release(gate: AnswerGate, pids: Mapping[str, str]) -> None:
    for pid in set(pids.values()):
        gate.release(pid)


def _endpoint(
    rooms: Rooms, operation: tuple[str, str, Handler, Refusal]
) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        pid = request.path_params.get("pid", "")
        try:
            body = await _body(request)
        except MessageRefusedError as problem:
            refused = operation[3](pid, pid, problem.code, [problem.message])
            return _response(Reply(413, refused))
        pids = pids_in(body, pid)
        gate = rooms.negotiation.gate
        for one in set(pids.values()):
            gate.hold(one)
        query = dict(request.query_params)
        try:
            reply = await run_in_threadpool(
                respond,
                rooms,
                operation,
                request.headers.get("authorization"),
                lambda peer: Asked(peer, body, pid, query),
                pids,
            )
        except BaseException:
            _release(gate, pids)
            raise
        if len(reply.content) > WORTH_PACKING and _wants_packed(request):
            reply = await run_in_threadpool(_packed, reply)
        return _response(reply, BackgroundTask(_release, gate, pids))

    return answer


def _wants_packed(request: Request) -> bool:
    """Tell whether the caller takes gzip; on one machine it would cost more than it saves."""
    caller = request.client.host if request.client else ""
    if caller in {"127.0.0.1", "::1"}:
        return False
    asked = request.headers.get("accept-encoding", "").replace(" ", "").lower().split(",")
    return any(one.startswith("gzip") and not one.endswith((";q=0", ";q=0.0")) for one in asked)


def _packed(reply: Reply) -> Reply:
    headers = {**reply.headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return replace(reply, headers=headers, content=gzip.compress(reply.content, compresslevel=1))


def _response(reply: Reply, background: BackgroundTask | None = None) -> Response:
    return Response(
        reply.written(),
        status_code=reply.status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **reply.headers},
        background=background,
    )


def routes(rooms: Rooms) -> list[Route]:
    """Return the routes of the protocol and of version discovery."""

    async def versions(_: Request) -> Response:
        return _response(Reply(200, version_document(rooms.dsp_catalog.did)))

    return [
        Route("/.well-known/dspace-version", versions, methods=["GET"]),
        *(
            Route(
                BASE_PATH + operation[1] + end, _endpoint(rooms, operation), methods=[operation[0]]
            )
            for operation in OPERATIONS
            for end in ("", "/")  # else a slash too many is a redirect, which peers do not follow
            if not (end and operation[1].endswith(":path}"))
        ),
    ]
