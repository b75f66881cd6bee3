"""Every door of a node: which addresses there are, and which room answers."""

from collections.abc import Callable, Sequence
from functools import cache, cached_property

from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from tidegate import __version__
from tidegate.api import (
    access,
    approvals,
    catalogue,
    commons,
    connector,
    dcp,
    dsp,
    evidence,
    kit,
    lab,
    openapi,
    partners,
    peer,
    peers,
    policies,
    policy,
    rows,
    signaling,
    space,
    transfers,
    visit,
    work,
)
from tidegate.node.build import Node
from tidegate.web import app as web
from tidegate.web.kit import WebSettings

OPERATIONS: tuple[kit.Operation, ...] = (
    *space.OPERATIONS,
    *access.OPERATIONS,
    *partners.OPERATIONS,
    *policy.OPERATIONS,
    *policies.OPERATIONS,
    *catalogue.OPERATIONS,
    *commons.OPERATIONS,
    *connector.OPERATIONS,
    *peers.OPERATIONS,
    *signaling.OPERATIONS,
    *transfers.OPERATIONS,
    *approvals.OPERATIONS,
    *lab.OPERATIONS,
    *evidence.OPERATIONS,
    *work.OPERATIONS,
)


_ROUTE = "tidegate.route"  # of a request: what its door found to answer it


class Door(BaseRoute):
    """All addresses that begin with one of some names (or any), its routes made at the first call.

    Making them takes a tenth of a start and half a megabyte, and no call needs those of other
    doors; what they stand on is loaded and built before the node is ready. What no route of the
    door takes is left to the doors after it.
    """

    def __init__(self, make: Callable[[], Sequence[BaseRoute]], *names: str) -> None:
        self.names = frozenset(names)
        self._make = make

    @cached_property
    def routes(self) -> tuple[BaseRoute, ...]:
        """The routes behind the door."""
        return tuple(self._make())

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return how well the best route fits; it is kept for `handle`."""
        if self.names and first_name(scope["path"]) not in self.names:
            return Match.NONE, {}
        partial: tuple[Match, Scope] = (Match.NONE, {})
        for route in self.routes:
            match, child = route.matches(scope)
            if match is Match.FULL:
                return match, {**child, _ROUTE: route}
            if match is Match.PARTIAL and partial[0] is Match.NONE:
                partial = match, {**child, _ROUTE: route}
        return partial

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the route that fits answer."""
        await scope[_ROUTE].handle(scope, receive, send)


def first_name(path: str) -> str:
    """Return the first part of an address: what names its door."""
    return path.partition("/")[2].partition("/")[0]


def all_routes(node: Node) -> list[BaseRoute]:
    """Return every door, machines first, pages last."""
    house = node.house
    return [
        *node.fittings.routes(node),
        Door(
            lambda: [*kit.routes(house, (*OPERATIONS, describe_api())), *commons.routes(house)],
            "api",
        ),
        Door(lambda: dsp.routes(house), "dsp", ".well-known"),
        Door(lambda: dcp.routes(house), "dcp", ".well-known"),
        Door(lambda: signaling.routes(house), "dps"),
        Door(lambda: space.routes(house), "space"),
        Door(lambda: peer.routes(house), "peer"),
        Door(lambda: visit.routes(house), "visit"),
        Door(lambda: rows.routes(house), "rows"),
        Door(lambda: evidence.routes(house), "evidence"),
        Door(lambda: web.routes(house, web_settings(node))),
    ]


def web_settings(node: Node) -> WebSettings:
    """Return what the pages are told of their node."""
    settings = node.settings
    return WebSettings(
        node_name=settings.name,
        node_did=settings.participant.did,
        node_role=settings.role.value,
        csrf_key=node.keys.derive("web-csrf"),
        is_secure=settings.base_url.startswith("https://"),
    )


def describe_api() -> kit.Operation:
    """Return the operation that describes all others."""

    @cache
    def document() -> object:
        return openapi.describe(OPERATIONS, __version__)

    def show_openapi(_call: kit.Call[None]) -> object:
        return document()

    return kit.Operation(
        "GET", "/openapi.json", show_openapi, gives=object, summary="This description", public=True
    )
