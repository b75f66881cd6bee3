"""Every door of a node: which addresses there are, and which room answers."""

from starlette.routing import BaseRoute, Route

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
from tidegate.house import House
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


def all_routes(node: Node) -> list[BaseRoute]:
    """Return the routes of every door, machines first, pages last."""
    house = node.house
    return [
        *node.fittings.routes(node),
        *kit.routes(house, (*OPERATIONS, describe_api())),
        *_machines(house),
        *web.routes(house, web_settings(node)),
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
    document = openapi.describe(OPERATIONS, __version__)

    def show_openapi(_call: kit.Call[None]) -> object:
        return document

    return kit.Operation(
        "GET", "/openapi.json", show_openapi, gives=object, summary="This description", public=True
    )


def _machines(house: House) -> list[Route]:
    return [
        *commons.routes(house),
        *dsp.routes(house),
        *dcp.routes(house),
        *signaling.routes(house),
        *space.routes(house),
        *peer.routes(house),
        *visit.routes(house),
        *rows.routes(house),
        *evidence.routes(house),
    ]
