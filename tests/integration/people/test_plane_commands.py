"""`tidegate plane` on a home that no process serves."""

import json

import pytest
from click.testing import CliRunner

from lib.nodes import make_home
from tidegate.cli.plane_commands import plane
from tidegate.connector.signaling.errors import PlaneUnknownError
from tidegate.connector.signaling.model import PROFILE_PULL


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("node") / "home")


def run(home, command, *rest):
    answer = CliRunner().invoke(
        plane, [command, *rest, "--home", str(home)], catch_exceptions=False
    )
    assert 0 == answer.exit_code, answer.output
    return answer.output.strip()


def test_planes_are_registered_listed_and_removed(home, tmp_path):
    secret, accepts = tmp_path / "secret", tmp_path / "accepts"
    secret.write_text("ours\n", encoding="utf-8")
    accepts.write_text("t" * 40, encoding="utf-8")
    data = ("dataplane", "copier", "http://127.0.0.1:9/signaling", "--serves", PROFILE_PULL)
    control = ("controlplane", "other", "http://127.0.0.1:9/signaling", "--serves", "ds_1")

    made = run(home, "add", *data, "--secret-file", str(secret))
    kept = run(home, "add", *control, "--secret-file", str(secret), "--accepts-file", str(accepts))

    assert "shown only now: " in made
    assert kept == "Registered controlplane other."
    listed = json.loads(run(home, "list", "--json"))
    assert [(one["kind"], one["profiles"], one["datasets"]) for one in listed] == [
        ("dataplane", [PROFILE_PULL], []), ("controlplane", [], ["ds_1"]),
    ]  # fmt: skip
    assert "dataplane copier  http://127.0.0.1:9/signaling" in run(home, "list")
    assert run(home, "remove", "dataplane", "copier").endswith("0 open flows end.")
    with pytest.raises(PlaneUnknownError):
        run(home, "remove", "dataplane", "copier")
