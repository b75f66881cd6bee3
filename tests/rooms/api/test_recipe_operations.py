"""The operations on a version's recipe over the SDK's own types, from a node's commons."""

import json
from types import SimpleNamespace

import msgspec
import pytest

from lib.ground import make_ground
from rooms.commons.commons_world import RESEARCHER, STEWARD, make_commons
from tidegate.access.errors import RoleMissingError
from tidegate.api import commons as operations
from tidegate.api.kit import Call
from tidegate.commons.previews.service import PreviewService
from tidegate.commons.runs.service import TASK, RunService
from tidegate_client import commons as sdk


@pytest.fixture
def commons(tmp_path):
    ground = make_ground(tmp_path)
    yield make_commons(ground)
    ground.close()


class Here:
    """The SDK's way to a node, without a network: the operation itself, by the wire's bytes."""

    def __init__(self, commons, actor):
        previews = PreviewService(
            commons.ground.journal,
            vault=commons.vault,
            deid=commons.deidentification._deid,
            catalogue=commons.catalogue,
        )
        ground = commons.ground
        runs = RunService(
            ground.journal,
            ground.clock,
            ground.ids,
            deid=commons.deidentification._deid,
            deidentification=commons.deidentification,
            actor_of=lambda _: actor,
        )
        ground.handlers[TASK] = runs.work
        self._house = SimpleNamespace(
            previews=previews, deidentification=commons.deidentification, runs=runs
        )
        self._actor = actor

    def get(self, path, kind):
        return self._call("GET", path, None, kind)

    def post(self, path, body, kind):
        return self._call("POST", path, body, kind)

    def _call(self, method, path, body, kind):
        version = path.split("/")[2]
        for one in operations.OPERATIONS:
            if one.method == method and one.path.format(version_id=version) == path:
                sent = msgspec.json.encode(body)
                read = msgspec.json.decode(sent, type=one.takes, strict=True) if one.takes else None
                call = Call(self._house, self._actor, {"version_id": version}, {}, read)
                return msgspec.json.decode(msgspec.json.encode(one.handler(call)), type=kind)
        raise LookupError(path)


def test_a_recipe_is_proposed_looked_at_and_run_by_a_program(commons):
    version = commons.classified(200)
    client = sdk.Commons(Here(commons, STEWARD))

    proposed = client.propose_recipe(version)
    recipe = json.loads(json.dumps(proposed.recipe)) | {"k": 8}
    recipe["criteria"] = [{"criterion": "k_anonymity", "k": 8}]
    seen = client.preview_recipe(version, recipe)
    report = client.deidentify(version, "prj_liver", recipe)

    assert {"direct_identifier", "quasi_identifier"} <= {one.role for one in proposed.columns}
    assert (200, 8, 11) == (seen.records, seen.edited.k, seen.usual.k)
    assert ["criteria.k_anonymity"] == [one.where for one in seen.differences]
    assert seen.edited.smallest >= 8
    assert report.k_asked == 8


def test_a_program_asks_for_long_work_and_looks_how_far_it_is(commons):
    version = commons.classified(200)
    client = sdk.Commons(Here(commons, STEWARD))

    assert client.deidentification_run(version) is None
    asked = client.start_deidentification(version, "prj_liver", {"k": 8})
    assert ("waiting", 0) == (asked.run.state, asked.progress.done)
    assert "cancelled" == client.cancel_deidentification(version).run.state
    client.start_deidentification(version, "prj_liver", {"k": 8})
    commons.ground.run_tasks()

    done = client.deidentification_run(version)
    assert ("done", 100) == (done.run.state, done.progress.done)
    assert 8 == commons.deidentification.find_report(version).k_asked
    stranger = sdk.Commons(Here(commons, RESEARCHER))
    with pytest.raises(RoleMissingError):
        stranger.start_deidentification(version, "prj_liver")
    with pytest.raises(RoleMissingError):
        stranger.deidentification_run(version)


def test_a_recipe_is_compared_with_another(commons):
    version = commons.classified(200)
    client = sdk.Commons(Here(commons, STEWARD))

    seen = client.preview_recipe(version, {"k": 8}, {"k": 5})

    assert (8, 5) == (seen.edited.k, seen.usual.k)
    assert 0 <= seen.alone <= 200


def test_nobody_but_a_steward_looks(commons):
    version = commons.classified(60)
    client = sdk.Commons(Here(commons, RESEARCHER))

    with pytest.raises(RoleMissingError):
        client.preview_recipe(version)
    with pytest.raises(RoleMissingError):
        client.propose_recipe(version)
