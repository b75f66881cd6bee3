"""Attacks on whole nodes: tokens and names of one flow tried everywhere else, bombs of a member.

Afterwards no log and no database holds a token that was used, or a value of a patient.
"""

import csv
import json
import uuid
from datetime import UTC, datetime

import httpx
import pytest

from integration.law.test_hosted_rows import Elsewhere
from lib.law_world import write_cohort
from lib.traces import texts_of_database
from tidegate.connector.identity import jose
from tidegate.connector.identity.access_tokens import AccessTokens
from tidegate.connector.identity.model import MEMBER_SCOPE
from tidegate.connector.messages.wire import CONTEXT
from tidegate.keys.service import open_key_file
from tidegate.settings import read_passphrase, read_settings
from tidegate_client.errors import NodeError

pytestmark = pytest.mark.slow

BOMB = "https://x.example/" + "x" * 2000 + "/"


class Connector(Elsewhere):
    """A connector elsewhere under a name of its own, registered by one of the hospital."""

    def register_as(self, name, keeper, **more):
        self.name, self.keeper = name, keeper
        self.secret = f"ours-{name}-{uuid.uuid4().hex}{uuid.uuid4().hex}"
        said = {"datasets": (self.world.dataset,), **more}
        made = keeper.planes.put_control_plane(
            name, self.peer.base, {"type": "bearer", "token": self.secret}, **said
        )
        self.token = f"Bearer {made.token}"
        return made


@pytest.fixture(scope="module")
def keeper(world):
    return world.hospital.person("Keeper", "operator", "steward")


@pytest.fixture(scope="module")
def planes(world, keeper):
    """Two connectors whose datasets are open, and a flow of the first."""
    made = [Connector(world), Connector(world)]
    for name, one in zip(("first", "evil"), made, strict=True):
        one.register_as(name, keeper)
        one.counsel.planes.approve(name, "A connector of ours.")
    first, evil = made
    flow = first.opened()
    assert flow.read().status_code == 200
    yield first, evil, flow
    for one in made:
        one.peer.close()


def member_token(world):
    """Return what a member that turned bad sends: well signed, with its own key."""
    settings = read_settings(world.faculty.home)
    ring = open_key_file(settings.keys_file, read_passphrase(settings.passphrase_file))
    now, did = datetime.now(UTC), world.faculty.did
    seconds = int(now.timestamp())
    granted = AccessTokens(ring.derive("dcp-access-token"), 60)
    claims = {
        "iss": did, "sub": did, "aud": world.hospital.did, "jti": uuid.uuid4().urn,
        "iat": seconds, "exp": seconds + 50,
        "token": granted.make(world.hospital.did, MEMBER_SCOPE, now),
    }  # fmt: skip
    key = ring.identity_key()
    return "Bearer " + jose.sign(key, f"{did}#{ring.identity_kid}", claims)


def test_the_name_of_a_flow_opens_nothing_to_another_control_plane(planes):
    _, evil, flow = planes
    for name in (flow.flow, flow.process):
        assert evil.call("GET", f"/dataflows/{name}/status").status_code == 404
        for act in ("started", "suspend", "resume", "terminate", "completed"):
            said = evil.call("POST", f"/dataflows/{name}/{act}", json={"messageId": "m"})
            assert said.status_code == 404, (act, said.text)

    evil.peer.answers["dsp agreement"] = (
        200,
        evil.sign() and evil.peer.answers["dsp agreement"][1],
    )
    stolen = evil.starts(flow.agreement, processId=flow.process)

    assert (stolen.status_code, stolen.json()["code"]) == (403, "agreement_ours")
    assert flow.read().status_code == 200


def test_a_token_opens_the_one_door_it_was_made_for(world, planes):
    first, evil, flow = planes
    base = f"{world.hospital.base_url}/dps/v1"
    refresh = flow.said["refreshToken"]
    rows, member = flow.said["authorization"], member_token(world)
    status = f"{base}/dataflows/{flow.flow}/status"
    told = f"{base}/transfers/{flow.process}/dataflow/completed"
    for token in (refresh, rows, first.secret, evil.secret, member.removeprefix("Bearer ")):
        assert httpx.get(status, headers=bearer(token)).status_code == 401
    for token in (first.token, evil.token, f"Bearer {rows}", member):
        said = httpx.post(told, headers={"authorization": token}, json={"state": "COMPLETED"})
        assert said.status_code == 401
    for token in (first.token, evil.token, f"Bearer {refresh}", member, first.secret):
        said = httpx.get(flow.address["endpoint"], headers={"authorization": token})
        assert said.status_code == 401
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    for token in (first.token, evil.token, f"Bearer {rows}", member):  # no proof names the pair
        said = httpx.post(f"{base}/token", headers={"authorization": token}, data=form)
        assert said.status_code in {400, 401}, said.text
        assert "access_token" not in said.json()
    assert flow.read().status_code == 200


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def test_one_person_opens_nothing_alone(world, planes, keeper):
    both = world.hospital.person("Both", "operator", "steward", "legal")
    alone = Connector(world)
    alone.register_as("alone", both)
    with pytest.raises(NodeError, match="does not approve"):
        both.planes.approve("alone", "My own.")
    assert alone.starts(alone.sign()).json()["code"] == "dataset_closed"

    world["counsel_cn"].planes.approve("alone", "Theirs.")
    alone.register_as("alone", keeper)  # another one turns the keys: that stays open
    assert alone.starts(alone.sign()).json()["code"] != "dataset_closed"
    for change in ({"datasets": (world.dataset, "ds_more")}, {"datasets": (world.dataset,)}):
        alone.register_as("alone", both, **change)
        assert alone.starts(alone.sign()).json()["code"] == "dataset_closed"
    keeper.planes.remove_control_plane("alone")
    alone.peer.close()


def bombs(world):
    """Messages of a hundred kilobytes that want hundreds of megabytes, or minutes."""
    offer = {"@type": "Offer", "@id": "o", "target": "t", "permission": [{"action": "use"}]}
    said = {
        "@type": "ContractRequestMessage", "@id": "urn:m", "consumerPid": "urn:c",
        "callbackAddress": f"{world.faculty.base_url}/dsp/2025-1", "offer": offer,
    }  # fmt: skip
    prefixed = {**said, "@context": [CONTEXT, {"p": BOMB}]}
    many = [{f"{name}w{n}": "a:b" for n in range(256)} for name in range(15)]
    copies = [{"@context": [{}] * 16, "leftOperand": "a"} for _ in range(5000)]
    yield {**prefixed, **{f"p:{n}": 1 for n in range(60_000)}}
    yield {**prefixed, "offer": {**offer, "profile": ["p:a"] * 100_000}}
    yield {
        **said, "@context": [CONTEXT, *many],
        "offer": {**offer, "permission": [{"action": "use", "constraint": copies}]},
    }  # fmt: skip


def test_a_member_does_not_fill_the_memory_or_the_database(world, planes):
    before = world.hospital.resident_mb()
    disk = (world.hospital.home / "node.db").stat().st_size
    url = f"{world.hospital.base_url}/dsp/2025-1/negotiations/request"
    for bomb in bombs(world):
        body = json.dumps(bomb, separators=(",", ":"))
        assert len(body) < 1024 * 1024
        said = httpx.post(
            url, content=body, headers={"authorization": member_token(world)}, timeout=60
        )
        assert (said.status_code, said.json()["code"]) == (400, "context_too_large"), said.text

    assert world.hospital.resident_mb() - before < 100
    assert (world.hospital.home / "node.db").stat().st_size - disk < 10**6


def test_nothing_of_it_is_left_where_others_read(world, planes, tmp_path):
    first, evil, flow = planes
    secrets = [
        *(one.secret for one in (first, evil)),
        *(one.token.removeprefix("Bearer ") for one in (first, evil)),
        flow.said["authorization"], flow.said["refreshToken"],
    ]  # fmt: skip
    with write_cohort(tmp_path / "cohort.csv").open(encoding="utf-8") as file:
        people = list(csv.DictReader(file))
    values = [one["name"] + '"' for one in people] + [one["value"] for one in people]
    for node in (world.hospital, world.faculty, world.authority):
        texts = [(node.log.name, node.log.read_text(encoding="utf-8"))]
        texts += texts_of_database(node.home / "node.db")
        for where, text in texts:
            is_codebook = node is world.hospital and where == "catalogue_version.body"
            wrong = secrets if is_codebook else secrets + values  # whose range is its own people's
            assert not [one for one in wrong if one in text], where
            assert "Traceback" not in text, where
        metrics = httpx.get(f"{node.base_url}/metrics").text
        assert not [one for one in (*secrets, *values) if one in metrics]
