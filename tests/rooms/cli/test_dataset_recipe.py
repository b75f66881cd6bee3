"""`tidegate dataset recipe` and `preview`: from the node's own machine, in groups and sentences."""

import json
import re

import pytest

from rooms.commons.commons_world import people_csv
from tidegate.access.model import Actor, Role
from tidegate.catalogue.model import Classification
from tidegate.cli.app import main
from tidegate.cli.dataset_commands import CONSOLE
from tidegate.node.build import open_node

SECOND = Actor("person:per_second", "Second", frozenset({Role.COMMITTEE}))
FIRST = Actor("person:per_first", "First", frozenset({Role.STEWARD}))


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return ended.value.code


def test_a_recipe_is_proposed_and_looked_at(tmp_path, capsys):
    home, rows, recipe = tmp_path / "node", tmp_path / "people.csv", tmp_path / "recipe.json"
    rows.write_text(people_csv(200), encoding="utf-8")
    recipe.write_text('{"k": 20, "suppression": "0.05"}', encoding="utf-8")
    run("init", str(home), "--name", "N", "--seat", "CN-GBA9")
    run("dataset", "acquire", str(rows), "--home", str(home), "--title", "T")
    version = re.search("ver_[0-9a-z]+", capsys.readouterr().out)[0]
    at = ("--home", str(home))

    assert 0 != run("dataset", "preview", version, *at)
    assert "Traceback" not in capsys.readouterr().err

    kind = Classification("general", 3, True, True, "consent", "checked_not_notified")
    with open_node(home) as node:
        proposed = node.house.classification.propose(version, kind, by=FIRST)
        node.house.classification.approve(version, proposed.proposal, by=SECOND)
    assert Role.STEWARD in CONSOLE.roles

    assert 0 == run("dataset", "recipe", version, *at, "--json")
    proposed = json.loads(capsys.readouterr().out)
    assert "tidegate-deid-version/1" == proposed["recipe"]["format"]
    assert 0 == run("dataset", "preview", version, "--recipe", str(recipe), *at, "--json")
    seen = json.loads(capsys.readouterr().out)
    assert (20, 11) == (seen["edited"]["k"], seen["usual"]["k"])
    assert 0 == run("dataset", "preview", version, *at)
    told = capsys.readouterr().out
    assert "Chan Tai Man" not in told
    assert "is_within" in told

    with open_node(home) as node:
        steward = node.house.access.add_person(
            "Ada",
            "ada@test.example",
            frozenset({Role.STEWARD}),
            by=node.house.access.first_operator(),
        )
    by = (*at, "--as", steward.id)
    assert 0 == run("dataset", "run", version, *by, "--json")
    assert [] == json.loads(capsys.readouterr().out)
    assert 0 == run(
        "dataset", "deidentify", version, "--project", "p", "--background", *by, "--json"
    )
    assert "waiting" == json.loads(capsys.readouterr().out)["state"]
    assert 0 == run("dataset", "run", version, "--cancel", *by, "--json")
    assert "cancelled" == json.loads(capsys.readouterr().out)["run"]["state"]
    assert 0 == run("dataset", "deidentify", version, "--project", "p", *by, "--json")
    told = capsys.readouterr()
    assert 11 == json.loads(told.out)["k_asked"]
    assert "100% done" in told.err
