"""The DCP doors: DID document, credential service, issuer, status lists (DCP 1.0.1)."""

from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidegate.api.kit import TooLargeError, json_response, problem_response, read_body, status_of
from tidegate.connector.errors import (
    CredentialInvalidError,
    DefinitionUnsupportedError,
    PeerUnauthenticatedError,
    RequestUnknownError,
    StsRefusedError,
)
from tidegate.connector.http.body import read_json
from tidegate.house import House
from tidegate.kernel.errors import TidegateError

MAX_BODY = 1024 * 1024
MAX_FORM = 64 * 1024
_MAX_TOKEN = 64 * 1024

Answerer = Callable[[Request, object], Response]


def peer_status(problem: TidegateError) -> int:
    """Return the HTTP status that another node is answered with."""
    if isinstance(problem, PeerUnauthenticatedError):
        return 401
    if isinstance(problem, CredentialInvalidError):
        return 400
    if isinstance(problem, DefinitionUnsupportedError):
        return 501
    return status_of(problem)


def peer_problem(problem: TidegateError) -> Response:
    """Write a refusal to another node: as for people, with 401 where the token is at fault."""
    response = problem_response(problem)
    response.status_code = peer_status(problem)
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def authorization_of(request: Request) -> str | None:
    """Return the Authorization header unless it is absurdly long."""
    found = request.headers.get("authorization")
    return found if found is None or len(found) <= _MAX_TOKEN else None


def machine_route(path: str, method: str, answer: Answerer, *, max_body: int = MAX_BODY) -> Route:
    """Return a route that reads bounded JSON and answers from a worker thread."""

    async def endpoint(request: Request) -> Response:
        try:
            raw = await read_body(request, max_body) if method == "POST" else b""
            return await run_in_threadpool(_answered, answer, request, raw)
        except TidegateError as problem:
            return peer_problem(problem)

    return Route(path, endpoint, methods=[method])


def _answered(answer: Answerer, request: Request, raw: bytes) -> Response:
    return answer(request, read_json(raw) if request.method == "POST" else None)


def _sts_route(house: House) -> Route:
    """Return the token endpoint, which answers in the words of RFC 6749 §5."""

    async def token(request: Request) -> Response:
        try:
            raw = await read_body(request, MAX_FORM)
            fields = parse_qsl(raw.decode("ascii"), max_num_fields=16)
            if len(dict(fields)) != len(fields):
                raise StsRefusedError("A field stands twice.", code="invalid_request")
            given = await run_in_threadpool(house.sts.give_token, dict(fields))
        except RequestUnknownError as problem:
            return peer_problem(problem)
        except (StsRefusedError, TooLargeError, ValueError) as problem:
            code = problem.code if isinstance(problem, StsRefusedError) else "invalid_request"
            words = problem.message if isinstance(problem, TidegateError) else "No form was sent."
            status = 401 if code == "invalid_client" else 400
            return json_response({"error": code, "error_description": words}, status)
        return json_response(given)

    return Route("/dcp/sts/token", token, methods=["POST"])


def routes(house: House) -> list[Route]:
    """Return the routes of the DCP roles this node plays."""

    def did_document(_request: Request, _body: object) -> Response:
        return json_response(house.identity.did_document())

    return [
        machine_route("/.well-known/did.json", "GET", did_document),
        *_holder_routes(house),
        *_issuer_routes(house),
        _sts_route(house),
    ]


def _holder_routes(house: House) -> list[Route]:
    def query(request: Request, body: object) -> Response:
        return json_response(house.wallet.answer_query(authorization_of(request), body))

    def store(request: Request, body: object) -> Response:
        house.wallet.receive_credentials(authorization_of(request), body)
        return Response(status_code=200)

    def offer(request: Request, body: object) -> Response:
        house.wallet.receive_offer(authorization_of(request), body)
        return Response(status_code=200)

    return [
        machine_route("/dcp/holder/presentations/query", "POST", query),
        machine_route("/dcp/holder/credentials", "POST", store),
        machine_route("/dcp/holder/offers", "POST", offer),
    ]


def _issuer_routes(house: House) -> list[Route]:
    base = house.identity.node.base_url.rstrip("/")

    def metadata(_request: Request, _body: object) -> Response:
        return json_response(house.issuance.metadata())

    def ask(request: Request, body: object) -> Response:
        number = house.issuance.request(authorization_of(request), body)
        address = f"{base}/dcp/issuer/requests/{number}"
        return Response(status_code=201, headers={"Location": address})

    def status(request: Request, _body: object) -> Response:
        number = request.path_params["number"]
        return json_response(house.issuance.status(authorization_of(request), number))

    def schema(request: Request, _body: object) -> Response:
        return json_response(house.issuance.schema(request.path_params["kind"]))

    def status_list(request: Request, _body: object) -> Response:
        jwt = house.issuance.status_list(request.path_params["number"])
        return Response(jwt, media_type="application/vc+jwt")

    def older_list(request: Request, _body: object) -> Response:
        jwt = house.issuance.status_list(request.path_params["number"], is_older=True)
        return Response(jwt, media_type="application/vc+jwt")

    return [
        machine_route("/dcp/issuer/metadata", "GET", metadata),
        machine_route("/dcp/issuer/schemas/{kind}", "GET", schema),
        machine_route("/dcp/issuer/credentials", "POST", ask),
        machine_route("/dcp/issuer/requests/{number}", "GET", status),
        machine_route("/dcp/status/{number:int}", "GET", status_list),
        machine_route("/dcp/status/2021/{number:int}", "GET", older_list),
    ]
