"""The doors of Data Plane Signaling 1.0-RC3, and the registrations an operator keeps.

Under /dps/v1 a control plane elsewhere drives this node's data plane, and data planes elsewhere
tell this node's control plane. Each call carries the token of a registered plane; renewing a
token carries the consumer's own proof instead.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidegate.api.dcp import authorization_of
from tidegate.api.kit import (
    Call,
    Operation,
    TooLargeError,
    json_response,
    problem_response,
    read_body,
)
from tidegate.connector.http.body import read_json
from tidegate.connector.messages.read import LARGEST_MESSAGE
from tidegate.connector.signaling.errors import PlaneUnauthenticatedError, RenewalRefusedError
from tidegate.connector.signaling.model import (
    BASE_PATH,
    Asked,
    DataFlow,
    Hosted,
    Plane,
    PlaneKind,
)
from tidegate.house import House
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.values import dataclass

CALLBACKS = ("prepared", "started", "completed", "errored")
_LONGEST_FORM = 16 * 1024
Answerer = Callable[[Request, bytes], Response]


# --- registrations


class AuthorizationEntry(Struct, frozen=True, kw_only=True, rename="camel"):
    """How two planes prove themselves: `bearer` with `token`, or `oauth2_client_credentials`.

    `token` or `clientSecret` is what this node presents to the plane. `accepts` is the token that
    the plane presents; without it one is made. `jwks`, or the key set at `jwksUri`, verifies what a
    plane signs.
    """

    type: str
    token: str = ""
    accepts: str = ""
    token_endpoint: str = ""
    client_id: str = ""
    client_secret: str = ""
    jwks: dict[str, Any] | None = None
    jwks_uri: str = ""


class DataPlaneRegistration(Struct, frozen=True, kw_only=True, rename="camel"):
    """A data plane that may move data for this node's control plane."""

    dataplane_id: str
    endpoint: str
    profiles: tuple[str, ...]
    authorization: AuthorizationEntry
    labels: tuple[str, ...] = ()


class ControlPlaneRegistration(Struct, frozen=True, kw_only=True, rename="camel"):
    """A control plane that may use this node's data plane, for these datasets once approved."""

    controlplane_id: str
    endpoint: str
    authorization: AuthorizationEntry
    datasets: tuple[str, ...] = ()


class DatasetsApproval(Struct, frozen=True, kw_only=True):
    """On what ground a control plane's flows may move data of the datasets it named.

    `seen` is the `changed_at` of the registration that was read; another one is not approved.
    """

    ground: str
    seen: str = ""


@dataclass(frozen=True, slots=True)
class PlanePage:
    """A registered plane; `token` is what it has to present, shown only when it was made."""

    id: str
    kind: str
    endpoint: str
    authorization: str
    profiles: tuple[str, ...]
    labels: tuple[str, ...]
    datasets: tuple[str, ...]
    changed_at: str
    approved_by: str = ""
    approved_at: str = ""
    ground: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class DataFlowPage:
    """A data flow with a plane elsewhere, without addresses and tokens."""

    id: str
    role: str
    plane: str
    process_id: str
    side: str
    format: str
    agreement_id: str
    dataset_id: str
    counterparty: str
    state: str
    error: str
    changed_at: str


def _plane_page(one: Plane, token: str = "") -> PlanePage:
    return PlanePage(
        one.id,
        one.kind.value,
        one.endpoint,
        one.auth.value,
        one.profiles,
        one.labels,
        one.datasets,
        one.changed_at,
        one.approved_by,
        one.approved_at,
        one.ground,
        token,
    )


def _flow_page(one: DataFlow) -> DataFlowPage:
    return DataFlowPage(
        one.id,
        one.role.value,
        one.plane,
        one.process_id,
        one.side.value,
        one.format,
        one.agreement_id,
        one.dataset_id,
        one.counterparty,
        one.state.value,
        one.error,
        one.changed_at,
    )


def _register(
    call: Call[Any], kind: PlaneKind, name: str, entry: AuthorizationEntry, **more: tuple[str, ...]
) -> PlanePage:
    asked = Asked(
        kind=kind,
        id=name,
        endpoint=call.body.endpoint,
        auth=entry.type,
        secret=entry.token or entry.client_secret,
        token_endpoint=entry.token_endpoint,
        client_id=entry.client_id,
        jwks=entry.jwks,
        jwks_uri=entry.jwks_uri,
        accepts=entry.accepts,
        **more,
    )
    done = call.house.signaling.register(asked, by=call.actor)
    return _plane_page(done.plane, done.token)


def register_dataplane(call: Call[DataPlaneRegistration]) -> PlanePage:
    """Register a data plane, or replace its registration."""
    said = call.body
    return _register(
        call,
        PlaneKind.DATA,
        said.dataplane_id,
        said.authorization,
        profiles=said.profiles,
        labels=said.labels,
    )


def register_controlplane(call: Call[ControlPlaneRegistration]) -> PlanePage:
    """Register a control plane, or replace its registration."""
    said = call.body
    return _register(
        call,
        PlaneKind.CONTROL,
        said.controlplane_id,
        said.authorization,
        datasets=said.datasets,
    )


def approve_controlplane(call: Call[DatasetsApproval]) -> PlanePage:
    """Open the datasets that a control plane was registered with."""
    done = call.house.signaling.approve(
        call.path["id"], call.body.ground, seen=call.body.seen, by=call.actor
    )
    return _plane_page(done)


def remove_dataplane(call: Call[None]) -> None:
    """Forget a data plane."""
    call.house.signaling.remove(PlaneKind.DATA, call.path["id"], by=call.actor)


def remove_controlplane(call: Call[None]) -> None:
    """Forget a control plane."""
    call.house.signaling.remove(PlaneKind.CONTROL, call.path["id"], by=call.actor)


def list_planes(call: Call[None]) -> tuple[PlanePage, ...]:
    """Return the registered planes."""
    return tuple(_plane_page(one) for one in call.house.signaling.list_planes(by=call.actor))


def list_dataflows(call: Call[None]) -> tuple[DataFlowPage, ...]:
    """Return data flows with planes elsewhere, newest first."""
    return tuple(_flow_page(one) for one in call.house.signaling.list_flows(by=call.actor))


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/planes",
        list_planes,
        gives=tuple[PlanePage, ...],
        summary="List the data planes and control planes registered here",
    ),
    Operation(
        "GET",
        "/dataflows",
        list_dataflows,
        gives=tuple[DataFlowPage, ...],
        summary="List data flows with planes elsewhere",
    ),
    Operation(
        "PUT",
        "/dataplanes",
        register_dataplane,
        takes=DataPlaneRegistration,
        gives=PlanePage,
        summary="Register a data plane, or replace its registration",
    ),
    Operation("DELETE", "/dataplanes/{id}", remove_dataplane, summary="Forget a data plane"),
    Operation(
        "PUT",
        "/controlplanes",
        register_controlplane,
        takes=ControlPlaneRegistration,
        gives=PlanePage,
        summary="Register a control plane, or replace its registration",
    ),
    Operation(
        "POST",
        "/controlplanes/{id}/approval",
        approve_controlplane,
        takes=DatasetsApproval,
        gives=PlanePage,
        summary="Approve, as legal officer, the datasets of a control plane",
    ),
    Operation(
        "DELETE", "/controlplanes/{id}", remove_controlplane, summary="Forget a control plane"
    ),
)


# --- the wire


def _problem(problem: TidegateError) -> Response:
    response = problem_response(problem)
    if isinstance(problem, PlaneUnauthenticatedError):
        response.status_code = 401
        response.headers["WWW-Authenticate"] = "Bearer"
    elif isinstance(problem, TooLargeError):
        response.status_code = 413
    return response


def _route(path: str, method: str, answer: Answerer, limit: int = LARGEST_MESSAGE) -> Route:
    """Return a route that reads a bounded body and answers from a worker thread."""

    async def endpoint(request: Request) -> Response:
        try:
            raw = await read_body(request, limit) if method == "POST" else b""
            return await run_in_threadpool(answer, request, raw)
        except TidegateError as problem:
            return _problem(problem)

    return Route(BASE_PATH + path, endpoint, methods=[method])


def _hosted(done: Hosted) -> Response:
    """Answer a control plane; what takes its time is 202 with where to ask about it."""
    if not done.is_later:
        return json_response(done.document)
    response = json_response(done.document, 202)
    response.headers["Location"] = f"/dataflows/{done.flow.id}/status"
    return response


def routes(house: House) -> list[Route]:
    """Return the routes of both halves of signaling."""
    return [*_data_plane(house), *_control_plane(house)]


def _data_plane(house: House) -> list[Route]:
    signaling = house.signaling

    def opens(act: Callable[[str | None, object], Hosted]) -> Answerer:
        return lambda request, raw: _hosted(act(authorization_of(request), read_json(raw)))

    def moves(act: Callable[[str | None, str, object], Hosted]) -> Answerer:
        return lambda request, raw: _hosted(
            act(authorization_of(request), request.path_params["id"], read_json(raw))
        )

    def completed(request: Request, _raw: bytes) -> Response:
        return _hosted(signaling.completed(authorization_of(request), request.path_params["id"]))

    def status(request: Request, _raw: bytes) -> Response:
        return json_response(signaling.status(authorization_of(request), request.path_params["id"]))

    def renew(request: Request, raw: bytes) -> Response:
        try:
            given = signaling.renew(authorization_of(request), _form(raw))
        except RenewalRefusedError as problem:
            status = 401 if problem.code == "invalid_client" else 400
            words = {"error": problem.code, "error_description": problem.message}
            return json_response(words, status)
        return json_response(given)

    return [
        _route("/dataflows/prepare", "POST", opens(signaling.prepare)),
        _route("/dataflows/start", "POST", opens(signaling.start)),
        _route("/dataflows/{id}/started", "POST", moves(signaling.started)),
        _route("/dataflows/{id}/suspend", "POST", moves(signaling.suspend)),
        _route("/dataflows/{id}/resume", "POST", moves(signaling.resume)),
        _route("/dataflows/{id}/terminate", "POST", moves(signaling.terminate)),
        _route("/dataflows/{id}/completed", "POST", completed),
        _route("/dataflows/{id}/status", "GET", status),
        _route("/token", "POST", renew, _LONGEST_FORM),
    ]


def _control_plane(house: House) -> list[Route]:
    signaling = house.signaling

    def told(what: str) -> Answerer:
        def answer(request: Request, raw: bytes) -> Response:
            process = request.path_params["process"]
            signaling.told(authorization_of(request), process, what, read_json(raw))
            return json_response({})

        return answer

    def agreement(request: Request, _raw: bytes) -> Response:
        process = request.path_params["process"]
        return json_response(signaling.agreement(authorization_of(request), process))

    return [
        *(
            _route(f"/transfers/{{process}}/dataflow/{what}", "POST", told(what))
            for what in CALLBACKS
        ),
        _route("/transfers/{process}/agreement", "GET", agreement),
    ]


def _form(raw: bytes) -> dict[str, str]:
    """Read a form (application/x-www-form-urlencoded), the first value of each name."""
    try:
        found = parse_qs(raw.decode("ascii"), max_num_fields=20)
    except (UnicodeDecodeError, ValueError):
        return {}
    return {name: values[0] for name, values in found.items()}
