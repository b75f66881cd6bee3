"""A member is revoked in the middle of a visit: refused at its peers because they are told."""

import json
import time

import httpx
import pytest

from lib.nodes import wait_until
from lib.story import ROOT
from lib.warm import warmed
from tidegate.connector.identity.model import IdentitySettings
from tidegate.kernel.ids import RandomIds
from tidegate.node.build import open_node
from tidegate_demo import questions, story
from tidegate_demo.narrator import Narrator
from tidegate_demo.nodes import Stage
from tidegate_demo.people import CASTS, bring_in
from tidegate_demo.scenes import Scene

pytestmark = pytest.mark.slow
DSP = {"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"]}


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Three nodes, an agreement and an open visit from Hong Kong at the hospital."""
    place = tmp_path_factory.mktemp("revocation") / "demo"
    with Stage(place, warmed().command(tmp_path_factory.mktemp("bin") / "tidegate")) as stage:
        nodes = stage.start(CASTS)
        told = Scene(Narrator(), stage, nodes, bring_in(nodes))
        story.found_the_space(told)
        story.become_partners(told)
        story.take_the_cohort_in(told, ROOT / "demo" / "data")
        story.find_it_and_apply(told)
        story.negotiate(told)
        told["researcher"].client.connector.open_visit(told.agreement)
        yield told
        for player in told.players.values():
            player.client.close()


class Caller:
    """The faculty's side, speaking to the hospital past its own node's good sense."""

    def __init__(self, scene: Scene) -> None:
        self._home = scene.nodes["faculty"].home
        self._hospital = scene.nodes["hospital"]
        researcher = scene["researcher"]
        with open_node(self._home) as node:
            self._visit = node.house.transfer.visit_address(scene.agreement, researcher.ref)

    def token(self) -> str:
        """Return a fresh token of the faculty for the hospital."""
        with open_node(self._home) as node:
            return node.house.identity.token_with(self._hospital.did)

    def visits(self) -> int:
        body = {"id": RandomIds().new("query"), "query": questions.HOW_MANY}
        headers = {"Authorization": f"Bearer {self._visit.token}"}
        address = f"{self._visit.endpoint}/queries"
        # the first visit of a node starts its engine
        return httpx.post(address, json=body, headers=headers, timeout=60).status_code

    def reads_the_catalogue(self) -> int:
        body = {**DSP, "@type": "CatalogRequestMessage", "filter": []}
        address = f"{self._hospital.base_url}/dsp/2025-1/catalog/request"
        return httpx.post(address, json=body, headers=self._proof()).status_code

    def sends_a_message(self) -> int:
        address = f"{self._hospital.base_url}/peer/messages"
        return httpx.post(address, json={"message": "x"}, headers=self._proof()).status_code

    def _proof(self) -> dict[str, str]:
        return {"Authorization": self.proof}

    proof = ""


def test_a_revoked_member_is_refused_at_every_door_before_a_list_is_read_again(scene, capsys):
    caller = Caller(scene)
    with open_node(scene.nodes["faculty"].home) as faculty:
        identity, hospital = faculty.house.identity, scene.did("hospital")
        caller.proof = identity.token_for(hospital)
        assert 200 == caller.reads_the_catalogue()
        assert 201 == caller.visits()

        scene["keeper"].client.space.revoke(scene.did("faculty"), "The agreement was broken.")
        began = time.monotonic()

        def refused_catalogue() -> bool:
            caller.proof = identity.token_for(hospital)
            return caller.reads_the_catalogue() in {401, 403, 404}

        catalogue = wait_until(refused_catalogue, seconds=30, what="the refusal of the catalogue")
        wait_until(lambda: caller.visits() in {401, 403, 404}, 30, "the refusal of the visit")
        caller.proof = identity.token_for(hospital)
        assert caller.sends_a_message() in {401, 403}
        took = time.monotonic() - began

    with capsys.disabled():
        print(f"\nmeasured: refused at the catalogue {catalogue:.3f} s after revocation,")
        print(f"  at catalogue, visit and messages {took:.3f} s")
    assert took < IdentitySettings().status_cache_seconds


def test_the_revocation_is_in_the_evidence_of_both(scene):
    subject = f"member:{scene.did('faculty')}"
    for key in ("authority", "hospital"):
        with scene.operator(key) as operator:
            acts = json.dumps([leaf.did for leaf in operator.evidence.timeline(subject)])
            assert "revoked" in acts
