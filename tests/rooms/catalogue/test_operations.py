"""What the doors of the catalogue give to whom."""

from types import SimpleNamespace

import anyio
import httpx
import pytest
from starlette.applications import Starlette

from lib.ground import make_ground
from rooms.catalogue.records import RESEARCHER, STEWARD, make_catalogue, offered
from tidegate.access.model import Actor, Role
from tidegate.api import catalogue as door
from tidegate.api.kit import routes
from tidegate.catalogue.rules import KEEPERS


class Tokens:
    """Knows a person of each role by its name."""

    def actor_for_token(self, token):
        return Actor(f"person:per_{token}", token, frozenset({Role(token)}))


@pytest.fixture
def catalogue(tmp_path):
    ground = make_ground(tmp_path)
    yield make_catalogue(ground), ground
    ground.close()


def asked(catalogue, role, query):
    house = SimpleNamespace(access=Tokens(), catalogue=catalogue)
    app = Starlette(routes=routes(house, door.OPERATIONS))
    app.state.house = house

    async def ask():
        wire = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=wire, base_url="http://node") as client:
            headers = {"authorization": f"Bearer {role.value}"}
            return await client.get(f"/api/v1/offers{query}", headers=headers)

    return anyio.run(ask)


@pytest.mark.parametrize("role", tuple(Role))
@pytest.mark.parametrize("dataset", ["", "&dataset=ds_liver"])
def test_withdrawn_offers_are_shown_to_those_who_keep_them_alone(catalogue, role, dataset):
    room, ground = catalogue
    secret = room.withdraw_offer(offered(ground, room).id, by=STEWARD)

    everything = asked(room, role, f"?all=true{dataset}")
    published = asked(room, role, f"?all=yes{dataset}")

    if role in KEEPERS:
        assert [secret.id] == [one["id"] for one in everything.json()]
    else:
        assert (403, "role_missing") == (everything.status_code, everything.json()["code"])
        assert secret.id not in everything.text
    assert (200, []) == (published.status_code, published.json())


def test_what_is_offered_is_shown_to_everybody_signed_in(catalogue):
    room, ground = catalogue
    offer = offered(ground, room)

    assert [offer.id] == [one["id"] for one in asked(room, Role.RESEARCHER, "").json()]
    assert (offer,) == room.list_offers_for(by=RESEARCHER)
