"""`tidegate strategy` on a home that no process serves."""

import json

import pytest
from click.testing import CliRunner

from lib.nodes import make_home
from tidegate.cli.strategy_commands import strategy
from tidegate.kernel.errors import InvalidError


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("node") / "home")


def run(home, command, *rest):
    answer = CliRunner().invoke(
        strategy, [command, *rest, "--home", str(home)], catch_exceptions=False
    )
    assert 0 == answer.exit_code, answer.output
    return answer.output.strip()


def test_a_ready_made_strategy_is_set_by_name_listed_shown_and_cleared(home):
    assert run(home, "show", "offer_1").startswith("automatic")

    run(home, "set", "offer_1", "manual")

    assert run(home, "show", "offer_1").splitlines()[1] == "  as provider on REQUESTED: ask"
    assert "offer_1  manual" in run(home, "list")
    assert json.loads(run(home, "clear", "offer_1", "--json"))["name"] == "automatic"
    assert "[]" == run(home, "list", "--json")


def test_a_strategy_of_ones_own_is_read_from_a_file(home, tmp_path):
    written = {
        "name": "five minutes",
        "reactions": [
            {"side": "provider", "on": "REQUESTED", "act": "refuse", "after_ms": 300000,
             "reason": "Nobody was here."}
        ],
    }  # fmt: skip
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(written))

    assert run(home, "set", "offer_2", str(file)).splitlines() == [
        "five minutes", "  as provider on REQUESTED: refuse after 300000 ms",
    ]  # fmt: skip
    (kept,) = json.loads(run(home, "list", "--json"))
    assert (kept["subject"], kept["strategy"]["reactions"][0]["after_ms"]) == ("offer_2", 300000)


def test_what_is_no_strategy_is_refused_with_the_names_there_are(home):
    with pytest.raises(InvalidError, match="automatic, accept, offer-first"):
        run(home, "set", "offer_3", "sometimes")
