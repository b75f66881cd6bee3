"""Where machine code is kept, and what is done where it cannot be."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lib.deid_tables import hierarchy
from tidegate.deid.tables import cuts, engine, kernels, picking, sweeps
from tidegate.deid.tables.compiling import is_kept, plain
from tidegate.deid.tables.model import KAnonymity, Method, QuasiColumn, Question, TableInput

pytest.importorskip("numba")

SOURCE = """
from tidegate.deid.tables.compiling import compiled, is_kept

@compiled
def add(one, other):
    return one + other

print(is_kept(add), add(1, 2), is_kept(add))
"""


@pytest.fixture
def script(tmp_path):
    """A loop in a folder of its own, run in a process of its own."""
    place = tmp_path / "installed" / "loop.py"
    place.parent.mkdir()

    def run(source=SOURCE, **more):
        place.write_text(source)
        known = {name: text for name, text in os.environ.items() if name != "NUMBA_CACHE_DIR"}
        home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "home" / "cache")}
        where = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        done = subprocess.run(
            [sys.executable, place],
            capture_output=True, text=True, check=True, env=known | home | where | more,
        )  # fmt: skip
        return done.stdout.split()

    return run


def kept_under(folder):
    return [path.name for path in Path(folder).rglob("loop.add-*.nbi")]


def test_machine_code_is_kept_beside_the_source(script, tmp_path):
    assert ["False", "3", "True"] == script()
    assert kept_under(tmp_path / "installed")
    assert ["True", "3", "True"] == script()


def test_where_the_source_cannot_be_written_beside_it_is_kept_in_the_users_cache(script, tmp_path):
    (tmp_path / "installed" / "__pycache__").write_text("a file where the folder would be")

    assert ["False", "3", "True"] == script()
    assert kept_under(tmp_path / "home" / "cache")
    assert ["True", "3", "True"] == script()


def test_a_folder_that_is_named_comes_first(script, tmp_path):
    assert ["False", "3", "True"] == script(NUMBA_CACHE_DIR=str(tmp_path / "named"))
    assert kept_under(tmp_path / "named")
    assert not kept_under(tmp_path / "installed")


def test_where_nothing_can_be_kept_loops_run_all_the_same(script, tmp_path):
    (tmp_path / "installed" / "__pycache__").write_text("a file where the folder would be")
    (tmp_path / "home").write_text("a file where the folder would be")

    assert ["False", "3", "True"] == script()
    assert ["False", "3", "True"] == script()


def test_what_nothing_compiles_is_not_kept():
    assert not is_kept(kernels.choose)


def told(monkeypatch, *, kept, rows=40, compiled=None):
    """The kernels that were chosen for a table, and the words of the progress."""
    monkeypatch.setattr(engine, "is_kept", lambda _loop: kept)
    words, chosen = [], []
    found = kernels.NumpyKernels()

    def choose(*, compiled=None):
        chosen.append(compiled)
        return found if compiled is False else kernels_of_numba()

    monkeypatch.setattr(kernels, "choose", choose)
    codes = np.arange(rows, dtype=np.int32) % 8
    table = TableInput((QuasiColumn("c", codes, hierarchy("x", (2, 4))),))
    question = Question((KAnonymity(5),), Method.PREVIEW)
    engine.anonymise(table, question, lambda _, word: words.append(word), compiled=compiled)
    return chosen, [word for word in words if "compiling" in word]


def kernels_of_numba():
    from tidegate.deid.tables.loops import NumbaKernels

    return NumbaKernels()


def test_small_tables_wait_for_no_compiler(monkeypatch):
    assert ([False], []) == told(monkeypatch, kept=False)


SMALL = """
import numpy as np
from tidegate.deid.tables import engine
from tidegate.deid.tables.model import *
codes = np.random.default_rng(1).integers(0, 4, (2, 60)).astype(np.int32)
shape = Hierarchy("x", (tuple("abcd"), tuple("ssvv"), ("*",) * 4))
quasi = tuple(QuasiColumn(f"c{at}", codes[at], shape) for at in range(2))
table = TableInput(quasi, (SensitiveColumn("s", codes[0], tuple("abcd")),))
for method in Method:
    engine.anonymise(table, Question((KAnonymity(4), DistinctL("s", 2)), method, 0.05))
print("done")
"""


def test_recoding_a_small_table_compiles_nothing(script, tmp_path):
    kept = tmp_path / "kept"

    assert ["done"] == script(SMALL, NUMBA_CACHE_DIR=str(kept))
    assert [] == [path.name for path in kept.rglob("*.nbi")]


@pytest.mark.parametrize("loop", [cuts.grow, cuts.span_loss, sweeps.survey, picking.pick])
def test_a_loop_as_it_stands_calls_no_machine_code(loop):
    waiting, seen = [plain(loop)], set()
    while waiting:
        one = waiting.pop()
        seen.add(one)
        called = [one.__globals__.get(name) for name in one.__code__.co_names]
        waiting += [each for each in called if inspect.isfunction(each) and each not in seen]
        assert not [each for each in called if hasattr(each, "py_func")]


def test_what_is_kept_is_used_for_small_tables_too(monkeypatch):
    assert ([None], []) == told(monkeypatch, kept=True)


def test_who_waits_for_the_compiler_is_told(monkeypatch):
    monkeypatch.setattr(engine, "WORTH_COMPILING", 40)

    chosen, words = told(monkeypatch, kept=False)

    assert ([None], ["compiling (once, half a minute)"]) == (chosen, words)
