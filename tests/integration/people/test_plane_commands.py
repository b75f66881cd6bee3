"""`tidegate plane` on a home that no process serves."""

import json

import pytest
from click.testing import CliRunner

from tidegate.cli.node_commands import init
from tidegate.cli.people_commands import person
from tidegate.cli.plane_commands import plane
from tidegate.connector.signaling.errors import ApprovalRefusedError, PlaneUnknownError
from tidegate.connector.signaling.model import PROFILE_PULL
from tidegate.kernel.errors import TidegateError


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("node") / "home"
    said = ("--name", "Nansha Hospital", "--seat", "CN-GBA9", "--role", "participant")
    made = CliRunner().invoke(init, [str(home), *said], catch_exceptions=False)
    assert 0 == made.exit_code, made.output
    return home


def run(home, command, *rest, group=plane):
    answer = CliRunner().invoke(
        group, [command, *rest, "--home", str(home)], catch_exceptions=False
    )
    assert 0 == answer.exit_code, answer.output
    return answer.output.strip()


def person_of(home, name, *roles):
    more = [text for role in roles for text in ("--role", role)]
    made = run(
        home, "add", "--name", name, "--email", f"{name}@example.org", *more, "--json", group=person
    )
    return json.loads(made)["id"]


def registered_at(home, name):
    listed = json.loads(run(home, "list", "--json"))
    return next(one["registered_at"] for one in listed if one["id"] == name)


def test_planes_are_registered_approved_listed_and_removed(home, tmp_path):
    steward = person_of(home, "op", "operator", "steward")
    officer = person_of(home, "law", "legal")
    secret, accepts = tmp_path / "secret", tmp_path / "accepts"
    secret.write_text("ours\n", encoding="utf-8")
    accepts.write_text("t" * 40, encoding="utf-8")
    data = ("dataplane", "copier", "http://127.0.0.1:9/signaling", "--serves", PROFILE_PULL)
    control = ("controlplane", "other", "http://127.0.0.1:9/signaling", "--serves", "ds_1")

    made = run(home, "add", *data, "--secret-file", str(secret))
    files = ("--secret-file", str(secret), "--accepts-file", str(accepts))
    with pytest.raises(ApprovalRefusedError):
        run(home, "add", *control, *files)
    kept = run(home, "add", *control, *files, "--as", steward)

    assert "shown only now: " in made
    assert kept.startswith("Registered controlplane other.\nIts datasets open once")
    assert "(ds_1, not approved yet)" in run(home, "list")
    ground = ("--ground", "Our second connector.", "--as", officer)
    read = registered_at(home, "other")
    assert read in run(home, "list")
    elsewhere = ("controlplane", "other", "http://127.0.0.1:10/signaling", "--serves", "ds_1")
    run(home, "add", *elsewhere, *files, "--as", steward)
    for seen in (read, " "):
        with pytest.raises(TidegateError, match=r"look at it again|you read"):
            run(home, "approve", "other", *ground, "--seen", seen)
    assert "(ds_1, not approved yet)" in run(home, "list")
    opened = run(home, "approve", "other", *ground, "--seen", registered_at(home, "other"))
    assert opened == "Control plane other may have this node serve ds_1."
    listed = json.loads(run(home, "list", "--json"))
    assert [(one["kind"], one["profiles"], one["datasets"]) for one in listed] == [
        ("dataplane", [PROFILE_PULL], []), ("controlplane", [], ["ds_1"]),
    ]  # fmt: skip
    assert "dataplane copier  http://127.0.0.1:9/signaling" in run(home, "list")
    assert run(home, "remove", "dataplane", "copier").endswith("0 open flows end.")
    with pytest.raises(PlaneUnknownError):
        run(home, "remove", "dataplane", "copier")
