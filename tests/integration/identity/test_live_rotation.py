"""Keys change under real nodes: traffic goes on both ways, and stolen keys open nothing."""

import json

import httpx
import pytest

from lib.nodes import NodeProcess, tidegate, wait_until
from tidegate.connector.identity import jose
from tidegate.keys.service import open_key_file
from tidegate.node.build import open_node
from tidegate.settings import read_passphrase, read_settings

ASKED = {
    "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
    "@type": "CatalogRequestMessage",
}


class Member(NodeProcess):
    """A node that calls others, and whose key somebody may have copied."""

    def ring(self):
        settings = read_settings(self.home)
        return open_key_file(settings.keys_file, read_passphrase(settings.passphrase_file))

    def asks(self, other, ring=None) -> int:
        """Ask another node for its catalogue, with a copied key if one is given."""
        with open_node(self.home) as node:
            token = node.house.identity.token_for(other.did).removeprefix("Bearer ")
        if ring is not None:
            claims = jose.read(token).claims
            token = jose.sign(ring.identity_key(), f"{self.did}#{ring.identity_kid}", claims)
        address = f"{other.base_url}/dsp/2025-1/catalog/request"
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.post(address, json=ASKED, headers=headers, timeout=20).status_code

    def rotate(self, *more: str) -> None:
        """Stop, rotate, and serve again."""
        self.stop()
        done = tidegate("keys", "rotate", "--home", self.home, *more)
        assert done.returncode == 0, done.stderr
        self.start()

    def known_keys(self) -> int:
        """Count the authority's keys as this node knows them."""
        told = tidegate("keys", "list", "--home", self.home)
        return told.stdout.count("authority  ")


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    place = tmp_path_factory.mktemp("rotation")
    nodes = [
        Member(place / "authority", "Authority", "CN-GBA9", "authority"),
        Member(place / "faculty", "Faculty", "HK", "participant"),
        Member(place / "hospital", "Hospital", "CN-GBA9", "participant"),
    ]
    file = place / "space.json"
    home = nodes[0].home
    made = tidegate("space", "create", "--home", home, "--name", "Pearl", "--out", file)
    assert made.returncode == 0, made.stderr
    for node in nodes:
        node.start()
    for node in nodes[1:]:
        asked = ("--name", node.name, "--seat", node.seat, "--json")
        invited = tidegate("space", "invite", "--home", home, *asked)
        code = json.loads(invited.stdout)["code"]
        joined = tidegate("space", "join", "--home", node.home, file, "--code", code)
        assert joined.returncode == 0, joined.stderr
    yield nodes
    for node in nodes:
        node.close()


@pytest.mark.slow
def test_a_served_node_is_not_rotated_beside_itself(space):
    done = tidegate("keys", "rotate", "--home", space[1].home)

    assert (6, "already_served" in done.stderr) == (done.returncode, True)


@pytest.mark.slow
def test_a_members_key_changes_under_traffic(space):
    _, faculty, hospital = space
    assert (200, 200) == (faculty.asks(hospital), hospital.asks(faculty))
    stolen = faculty.ring()

    faculty.rotate()

    assert stolen.identity_kid != faculty.ring().identity_kid
    assert (200, 200) == (faculty.asks(hospital), hospital.asks(faculty))
    assert 401 == faculty.asks(hospital, stolen)


@pytest.mark.slow
def test_the_authoritys_key_changes_under_traffic(space):
    authority, faculty, hospital = space
    stolen = authority.ring()

    authority.rotate()

    assert 200 == authority.asks(hospital)
    assert (200, 200) == (faculty.asks(hospital), hospital.asks(faculty))
    assert 401 == authority.asks(hospital, stolen)
    wait_until(lambda: faculty.known_keys() == 2, 30, "the faculty hears of it")
    assert 2 == hospital.known_keys()


@pytest.mark.slow
def test_a_stolen_authority_key_is_given_up_and_everybody_gets_new_credentials(space):
    authority, faculty, hospital = space
    before = authority.known_keys()

    authority.rotate("--compromised-since", "2026-01-01T00:00:00Z")

    wait_until(lambda: faculty.known_keys() == before + 1, 30, "the faculty hears of it")
    wait_until(lambda: hospital.known_keys() == before + 1, 30, "the hospital hears of it")
    wait_until(lambda: faculty.asks(hospital) == 200, 60, "the faculty proves itself anew")
    wait_until(lambda: hospital.asks(faculty) == 200, 60, "the hospital proves itself anew")
