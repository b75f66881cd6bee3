"""The table of kits hangs together, and no product code knows of the test plugin."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tidegate.kernel.errors import InvalidError
from tidegate.node.server import run
from tidegate.settings import TEST_PLUGIN
from tidegate_tck.dsp_scenarios import settings
from tidegate_tck.model import Place
from tidegate_tck.profiles import PROFILES

ROOT = Path(__file__).parents[2]
KITS = tomllib.loads((ROOT / "tck" / "kits.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", KITS)
def test_every_edition_of_a_kit_has_a_pom_and_a_count_for_every_run(name):
    kit = KITS[name]
    runs = {one["name"] for one in kit["runs"]}

    assert {one["profile"] for one in kit["runs"]} <= set(PROFILES)
    for edition in kit["editions"]:
        pom = (ROOT / "tck" / "poms" / edition["pom"]).read_text(encoding="utf-8")
        _, artefact, version = edition["coordinate"].split(":")
        assert f"<artifactId>{artefact}</artifactId>" in pom
        assert f"<version>{version}</version>" in pom
        assert set(edition["passes"]) == runs


def test_the_dsp_kit_is_told_of_a_scenario_for_each_of_its_tests():
    told = {name.rpartition("_")[0] for name in settings()}

    assert len({one for one in told if one.startswith("CN_0")}) == 15
    assert len({one for one in told if one.startswith("CN_C_")}) == 16
    assert len({one for one in told if one.startswith("TP_0")}) == 16
    assert len({one for one in told if one.startswith("TP_C_")}) == 16
    assert len({one for one in told if one.startswith("CAT_")}) == 3


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_tells_the_kit_where_both_are(name):
    place = Place("http://localhost:7001", "http://localhost:7002")

    said = PROFILES[name](place).settings

    assert said["dataspacetck.port"] == "7002"
    assert said["dataspacetck.callback.address"] == "http://localhost:7002"
    assert any("7001" in value for value in said.values())


def test_no_product_code_imports_the_plugin():
    known = [
        path
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom) and "tidegate_tck" in ast.unparse(node)
    ]

    assert known == []


def test_a_node_that_serves_refuses_to_start_with_a_test_plugin(tmp_path, monkeypatch):
    from lib.nodes import make_home

    home = make_home(tmp_path / "home")
    monkeypatch.setenv(TEST_PLUGIN, "tidegate_tck")

    with pytest.raises(InvalidError, match="refuses to start"):
        run(home)


def make_tck(*names, kits):
    return subprocess.run(
        [sys.executable, str(ROOT / "tck" / "run.py"), *names],
        capture_output=True,
        text=True,
        check=False,
        env={"KITS": str(kits)},
    )


def test_a_kit_that_cannot_be_had_fails_the_run_and_is_named(tmp_path):
    answer = make_tck("dsp", kits=tmp_path)

    assert answer.returncode == 1
    assert answer.stdout.splitlines()[-1] == f"dsp: no jars in {tmp_path / 'dsp'}"


def test_a_kit_nobody_knows_is_refused_with_the_names_there_are(tmp_path):
    answer = make_tck("moon", kits=tmp_path)

    assert answer.returncode == 2
    assert "there are dsp" in answer.stdout
