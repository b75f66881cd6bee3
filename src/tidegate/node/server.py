"""Serving: one process with every door of the node, until it is told to stop."""

import asyncio
import gc
import logging
import signal
import socket
import time
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from tidegate.api.health import routes as health_routes
from tidegate.api.kit import problem_response
from tidegate.api.meters import Meters
from tidegate.kernel.errors import InvalidError, NotFoundError, TidegateError, UnavailableError
from tidegate.kernel.failpoint import is_armed
from tidegate.node.build import Node, open_node
from tidegate.node.disk import check_disk
from tidegate.node.doors import all_routes, first_name
from tidegate.node.fittings import PLAIN, Fittings
from tidegate.node.installation import Installation
from tidegate.node.lock import home_held
from tidegate.node.logs import configure_logs
from tidegate.node.patience import BACKLOG, patient
from tidegate.node.rotation import retire_former, settle_rotation
from tidegate.node.tasks import recover
from tidegate.settings import NodeSettings, check_exposure, is_under_test, read_settings

GRACE_SECONDS = 8  # for requests under way when the node is told to stop
HANDSHAKE_SECONDS = 10.0
SETTLED_SECONDS = 2.0  # after serving began: what is there then stays
IDLE_SECONDS = 75  # longer than callers keep an idle connection: they end it, never we under them

log = logging.getLogger("tidegate.node")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def run(home: Path) -> None:
    """Serve the node in `home` until SIGTERM or SIGINT.

    Raises AlreadyServedError if another process does, and InvalidError for settings that would
    expose the node: no TLS on an address others can reach, or a test plugin in production.
    """
    check_may_serve(read_settings(home))
    serve_fitted(home, PLAIN)


def serve_fitted(home: Path, fittings: Fittings) -> None:
    """Serve the node in `home` with what a test plugin fits it with; for the plugin alone."""
    settings = read_settings(home)
    with home_held(home):
        check_port_is_free(settings)
        configure_logs(settings.participant.did)
        settle_rotation(settings)
        with open_node(home, fittings) as node:
            asyncio.run(_serve(node))


def check_may_serve(settings: NodeSettings) -> None:
    """Raise InvalidError where serving would break a promise of the house."""
    if is_under_test() or is_armed():
        raise InvalidError(
            "A test plugin is loaded; a node that serves refuses to start with it. Unset it first.",
            code="test_plugin",
        )
    check_exposure(settings)
    for name in ("tls_certificate", "tls_key", "tls_ca"):
        path: Path | None = getattr(settings, name)
        if path is not None and not path.is_file():
            raise InvalidError(
                f"There is no file {path}; mend the line {name} of the settings.",
                code="tls_file_missing",
            )


def check_port_is_free(settings: NodeSettings) -> None:
    """Raise UnavailableError where the node's address cannot be listened on."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((settings.host, settings.port))
        except OSError as problem:
            raise UnavailableError(
                f"The node cannot listen on {settings.host} port {settings.port}:"
                f" {problem.strerror}. Stop the program that does (`ss -ltnp` names it), then serve"
                " again; the port is part of the node's DID.",
                code="port_taken",
            ) from None


def make_app(node: Node, is_stopping: Callable[[], bool] = lambda: False) -> Starlette:
    """Return the node's ASGI application: every door, measured and logged."""
    meters = Meters()

    def check_ready() -> None:
        if is_stopping():
            raise UnavailableError("The node is stopping; try again in a second.")
        check_disk(node.settings.home)

    app = Starlette(
        routes=[*health_routes(node.house, meters, check_ready), *all_routes(node)],
        exception_handlers={
            TidegateError: _told,
            ClientDisconnect: _gone,
            HTTPException: _not_routed,
            Exception: _unforeseen,
        },
    )
    app.state.house = node.house
    app.state.settings = node.settings
    app.add_middleware(Measured, meters=meters)
    return app


class Measured:
    """Count, time and log every request: its door, status and duration, nothing of its content."""

    def __init__(self, app: Any, meters: Meters) -> None:
        self._app = app
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request through the application inside."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def note_status(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            seconds = time.perf_counter() - began
            door = first_name(scope["path"])
            known = door if door in DOORS else "pages"
            self._meters.observe(known, status, seconds)
            said = {"door": known, "status": status, "ms": round(seconds * 1000, 1)}
            log.info("answered", extra=said)


DOORS = frozenset(
    {
        "api",
        "dsp",
        "dcp",
        "dps",
        "space",
        "peer",
        "visit",
        "rows",
        "evidence",
        "health",
        "metrics",
        ".well-known",
    }
)


async def _told(_request: Request, problem: Exception) -> Response:
    if not isinstance(problem, TidegateError):
        raise problem
    return problem_response(problem)


async def _gone(_request: Request, _problem: Exception) -> Response:
    """Answer nobody: the caller hung up, or was too slow, in the middle of its request."""
    return Response(status_code=400)


async def _not_routed(_request: Request, problem: Exception) -> Response:
    status = problem.status_code if isinstance(problem, HTTPException) else 500
    words = NotFoundError(
        "There is nothing at this address; see /api/v1/openapi.json.", code="no_route"
    )
    response = problem_response(words)
    response.status_code = status
    return response


async def _unforeseen(_request: Request, problem: Exception) -> Response:
    log.error("a request failed", exc_info=problem)
    trouble = TidegateError(
        "Something went wrong in this node; the operator finds the time and kind in the log.",
        code="unforeseen",
    )
    response = problem_response(trouble)
    response.status_code = 500
    return response


def _hurry_handshakes(patience: float) -> None:
    """Let a TLS handshake take that long at most: before it, no protocol of ours sees the caller.

    The event loop would wait for a minute, and the server hands on no other time.
    """
    loop = asyncio.get_running_loop()
    listen = partial(loop.create_server, ssl_handshake_timeout=min(HANDSHAKE_SECONDS, patience))
    setattr(loop, "create_server", listen)  # noqa: B010 - mypy knows no such attribute


async def _serve(node: Node) -> None:
    stopping = False
    app = make_app(node, is_stopping=lambda: stopping)
    settings = node.settings
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=patient(settings.patience_seconds),
            backlog=BACKLOG,
            ws="none",  # an upgraded connection would not be looked at
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=IDLE_SECONDS,
            ssl_certfile=settings.tls_certificate,
            ssl_keyfile=settings.tls_key,
            lifespan="off",
        )
    )
    if settings.tls_certificate is not None:
        _hurry_handshakes(settings.patience_seconds)
    recover(node.house)
    retire_former(node, node.house.clock)
    Installation(node.house.clock).note_start(node.journal, settings.participant.did)
    node.runner.start()
    log.info("serving", extra={"address": settings.base_url})
    # uvicorn raises the signal again once it has stopped: that must not end the process before the
    # runner and the database are closed.
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, _stopping_already)
    asyncio.get_running_loop().call_later(SETTLED_SECONDS, _keep_what_is_there)
    try:
        await server.serve()
    finally:
        stopping = True
        await asyncio.get_running_loop().run_in_executor(None, node.runner.stop)
        log.info("stopped")


def _keep_what_is_there() -> None:
    """Take out the litter of the start, then let the collector look at what comes, not what stays.

    `tidegate serve` starts with the collector off: its rounds were a tenth of a start.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


def _stopping_already(_signal: int, _frame: object) -> None:
    """Let the node finish closing."""
