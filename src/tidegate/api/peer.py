"""The door for signed peer messages."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidegate.api.dcp import authorization_of, machine_route
from tidegate.api.kit import json_response
from tidegate.house import House

MAX_MESSAGE = 8 * 1024 * 1024


def routes(house: House) -> list[Route]:
    """Return the route that takes in peer messages."""

    def receive(request: Request, body: object) -> Response:
        house.exchange.receive(authorization_of(request), body)
        return json_response({"received": True})

    return [machine_route("/peer/messages", "POST", receive, max_body=MAX_MESSAGE)]
