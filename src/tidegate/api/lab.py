"""Management operations of the lab: my queries, and the checker's inbox."""

from typing import Any

from starlette.responses import Response

from tidegate.api.kit import Call, Operation
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.text import Language
from tidegate.kernel.values import dataclass
from tidegate.lab.model import Asked, Result, RunState, WaitingRelease
from tidegate.lab.plots import render_svg


@dataclass(frozen=True, slots=True)
class AskQuery:
    """A query in the query language, under an agreement."""

    agreement_id: str
    query: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RefuseRelease:
    """Why a result may not leave."""

    reason: str


@dataclass(frozen=True, slots=True)
class MyQuery:
    """One of my queries, with its result where there is one."""

    asked: Asked
    result: Result | None = None


@dataclass(frozen=True, slots=True)
class Queries:
    """My queries, newest first."""

    queries: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Inbox:
    """The results that wait for a checker, oldest first."""

    waiting: tuple[WaitingRelease, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """Where a release stands after the checker's word."""

    id: str
    state: RunState


def ask_query(call: Call[AskQuery]) -> MyQuery:
    """Ask a query of the node that holds the data."""
    body = call.body
    asked = call.house.queries.submit(body.agreement_id, body.query, by=call.actor)
    return _with_result(call, asked)


def list_queries(call: Call[None]) -> Queries:
    """List my queries."""
    return Queries(call.house.queries.list_mine(by=call.actor))


def get_query(call: Call[None]) -> MyQuery:
    """Show one of my queries, with its result."""
    return _with_result(call, call.house.queries.get(call.path["id"], by=call.actor))


def withdraw_query(call: Call[None]) -> MyQuery:
    """Take a waiting query back."""
    return MyQuery(call.house.queries.withdraw(call.path["id"], by=call.actor))


def plot_query(call: Call[None]) -> Response:
    """Draw the result of one of my queries as SVG."""
    try:
        language = Language(call.query.get("language", Language.EN))
    except ValueError:
        raise InvalidError("The language is en, zh-Hant or zh-Hans.", code="language") from None
    result = call.house.queries.get_result(call.path["id"], by=call.actor)
    return Response(render_svg(result, language), media_type="image/svg+xml")


def list_releases(call: Call[None]) -> Inbox:
    """List the results that wait for a checker."""
    return Inbox(call.house.releases.list_waiting(by=call.actor))


def get_release(call: Call[None]) -> WaitingRelease:
    """Show one result that waits."""
    return call.house.releases.get_waiting(call.path["id"], by=call.actor)


def clear_release(call: Call[None]) -> Decided:
    """Let a result leave."""
    state = call.house.releases.clear(call.path["id"], by=call.actor)
    return Decided(call.path["id"], state)


def refuse_release(call: Call[RefuseRelease]) -> Decided:
    """Keep a result from leaving, with a reason."""
    state = call.house.releases.refuse(call.path["id"], call.body.reason, by=call.actor)
    return Decided(call.path["id"], state)


def _with_result(call: Call[Any], asked: Asked) -> MyQuery:
    if not asked.derived_id:
        return MyQuery(asked)
    return MyQuery(asked, call.house.queries.get_result(asked.id, by=call.actor))


OPERATIONS: tuple[Operation, ...] = (
    Operation("POST", "/queries", ask_query, takes=AskQuery, gives=MyQuery, summary="Ask a query"),
    Operation("GET", "/queries", list_queries, gives=Queries, summary="List my queries"),
    Operation("GET", "/queries/{id}", get_query, gives=MyQuery, summary="Show one of my queries"),
    Operation(
        "POST", "/queries/{id}/withdraw", withdraw_query, gives=MyQuery, summary="Take a query back"
    ),
    Operation(
        "GET", "/queries/{id}/plot", plot_query, gives=Response, summary="Draw a result as SVG"
    ),
    Operation("GET", "/releases", list_releases, gives=Inbox, summary="List waiting results"),
    Operation(
        "GET", "/releases/{id}", get_release, gives=WaitingRelease, summary="Show a waiting result"
    ),
    Operation(
        "POST", "/releases/{id}/clear", clear_release, gives=Decided, summary="Let a result leave"
    ),
    Operation(
        "POST",
        "/releases/{id}/refuse",
        refuse_release,
        takes=RefuseRelease,
        gives=Decided,
        summary="Keep a result from leaving",
    ),
)
