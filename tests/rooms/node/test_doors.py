"""Every address has a door, and a door its addresses alone."""

from pathlib import Path

import pytest
from starlette.routing import BaseRoute, Match, Route

from lib.nodes import make_home
from tidegate.node.build import open_node
from tidegate.node.doors import Door, all_routes
from tidegate.node.server import DOORS


def a_door(*names: str, paths: tuple[str, ...] = ()) -> Door:
    async def answer(_request: object) -> None:
        raise AssertionError("nobody calls")

    return Door(lambda: [Route(path, answer, methods=["POST"]) for path in paths], *names)


def fit(door: BaseRoute, path: str, method: str = "POST") -> Match:
    return door.matches({"type": "http", "path": path, "method": method})[0]


@pytest.mark.parametrize("path", ["/rows/1", "/rows/", "//x", "/", "", "*", "/row"])
def test_a_door_makes_its_routes_only_for_addresses_of_its_names(path):
    def made() -> list[BaseRoute]:
        raise AssertionError("made")

    assert fit(Door(made, "visit"), path) is Match.NONE
    with pytest.raises(AssertionError, match="made"):
        fit(Door(made, "visit"), "/visit/1")


def test_what_no_route_of_a_door_takes_is_left_to_the_next():
    door = a_door("rows", paths=("/rows/{pid}",))
    assert fit(door, "/rows/1") is Match.FULL
    assert fit(door, "/rows/1", "GET") is Match.PARTIAL
    assert fit(door, "/rows/1/2") is Match.NONE


def test_every_route_of_a_node_lies_behind_the_door_that_is_named_for_it(tmp_path: Path):
    with open_node(make_home(tmp_path / "home")) as node:
        doors = [one for one in all_routes(node) if isinstance(one, Door)]
        found = [
            (door.names, route.path.split("/")[1])
            for door in doors
            for route in door.routes
            if isinstance(route, Route)
        ]
    assert len(found) > 250
    assert all(not names or first in names for names, first in found)
    assert {first for names, first in found if names} <= DOORS
    assert not doors[-1].names, "the last door takes whatever no other does"
