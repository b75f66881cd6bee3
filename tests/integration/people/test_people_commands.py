"""`tidegate person` on a home that no process serves."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tidegate.access.errors import PersonDisabledError
from tidegate.cli import dataset_commands
from tidegate.cli.dataset_commands import acting
from tidegate.cli.node_commands import init
from tidegate.cli.people_commands import person
from tidegate.kernel.errors import NotFoundError


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("node") / "home"
    made = CliRunner().invoke(
        init,
        [str(home), "--name", "Nansha Hospital", "--seat", "CN-GBA9", "--role", "participant"],
        catch_exceptions=False,
    )
    assert 0 == made.exit_code, made.output
    return home


def run(home, command, *rest):
    answer = CliRunner().invoke(
        person, [command, "--home", str(home), *rest], catch_exceptions=False
    )
    assert 0 == answer.exit_code, answer.output
    return answer.output.strip()


def add(home, name):
    email = f"{name}@example.org"
    answer = run(
        home,
        "add",
        "--name",
        name,
        "--email",
        email,
        "--role",
        "steward",
        "--role",
        "legal",
        "--json",
    )
    return json.loads(answer)


def test_a_person_is_added_and_listed(home):
    added = add(home, "ada")

    assert ["legal", "steward"] == sorted(added["roles"])
    assert added["id"] in [one["id"] for one in json.loads(run(home, "list", "--json"))]
    assert "ada@example.org" in run(home, "list")


def test_a_person_gets_ways_in(home):
    added = add(home, "bea")

    assert "/sign-in/link/" in run(home, "link", "bea@example.org", "--minutes", "600")
    assert json.loads(run(home, "link", added["id"], "--json"))["link"]
    assert json.loads(run(home, "token", added["id"], "--json"))["token"].startswith("tgp_")
    assert run(home, "token", "bea@example.org", "--by", "operator@localhost")


def test_a_person_is_disabled(home):
    add(home, "cat")

    assert "disabled" in run(home, "disable", "cat@example.org", "--reason", "left")


@pytest.mark.parametrize("named", ["id", "email"])
def test_no_command_acts_as_a_disabled_person(home, named):
    added = add(home, f"dis-{named}")
    run(home, "disable", added["id"], "--reason", "left")

    with pytest.raises(PersonDisabledError, match="may no longer act"):
        run(home, "link", "operator@localhost", "--by", added[named])
    with pytest.raises(PersonDisabledError, match="may no longer act"), acting(home, added[named]):
        pytest.fail("a disabled person acts")


def test_commands_name_who_acts_by_the_access_room_alone():
    sources = Path(dataset_commands.__file__).parent.glob("*.py")

    assert [] == [path.name for path in sources if ".as_actor(" in path.read_text()]


@pytest.mark.parametrize("who", ["nobody@example.org", "per_none"])
def test_an_unknown_person_is_not_found(home, who):
    with pytest.raises(NotFoundError):
        run(home, "link", who)
