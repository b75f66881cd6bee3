"""The house rules that an import contract cannot say."""

import ast
from pathlib import Path

import grimp
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

SRC = Path(__file__).parents[2] / "src" / "tidegate"
FRONT = {"model", "rules", "service", "events", "errors", "journal"}  # what other rooms may import
WIRES = {"wire", "read", "compose", "delivery", "body", "plots", "strategy"}  # doors besides
GROUND = {"kernel", "db"}  # open shelves: importable module by module
DOORS = {"web", "api", "cli", "node", "settings", "house", "__main__"}
VAGUE = {"utils", "util", "helpers", "common", "misc", "base", "manager", "core", "lib"}
MODULE_LINES = 400
FUNCTION_LINES = 60


def room(module: str) -> str:
    return [*module.split("."), ""][1]


@pytest.fixture(scope="session")
def graph():
    return grimp.build_graph("tidegate", cache_dir=None)


def test_rooms_meet_at_the_front_desk(graph):
    through_the_wall = []
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            a, b = room(importer), room(imported)
            if a == b or b in GROUND | DOORS or importer.split(".")[1:2] == ["node"]:
                continue
            desk = FRONT | WIRES if a in DOORS else FRONT
            if not desk & set(imported.split(".")[2:]) and imported.split(".")[2:]:
                through_the_wall.append(f"{importer} -> {imported}")

    assert sorted(through_the_wall) == []


def test_the_verifier_of_published_tables_shares_no_code_with_what_makes_them(graph):
    verifier = "tidegate.deid.verifier"
    own = {verifier, *graph.find_descendants(verifier)}
    used = set().union(*(graph.find_modules_directly_imported_by(module) for module in own))
    allowed = {"tidegate.kernel.errors", "tidegate.kernel.values"}

    assert {name for name in used - own if name.startswith("tidegate")} == allowed


def test_every_table_name_begins_with_its_room():
    from tidegate.db.schema import METADATA

    strangers = [
        table.name
        for table in METADATA.tables.values()
        if table.name.split("_")[0] not in {p.name for p in SRC.iterdir() if p.is_dir()}
    ]

    assert strangers == []


def test_there_is_one_history_of_migrations():
    migrations = SRC / "db" / "migrations"
    config = Config()
    config.set_main_option("script_location", str(migrations))

    steps = [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()]

    assert len(steps) == len({*steps}) == len(list((migrations / "versions").glob("*.py")))
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1


@pytest.mark.parametrize("path", sorted(SRC.rglob("*.py")), ids=lambda p: str(p.relative_to(SRC)))
def test_module_shape(path):
    if "versions" in path.parts:
        return
    text = path.read_text()
    tree = ast.parse(text)

    assert len(text.splitlines()) <= MODULE_LINES, "split the module along a word of the glossary"
    assert ast.get_docstring(tree), "say in one line what lives here"
    assert path.stem not in VAGUE, "name it after what it holds"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < FUNCTION_LINES, f"{node.name} is too long"
    if path.name == "__init__.py":
        imports = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
        assert not imports, "a room's __init__ is only its sign"
