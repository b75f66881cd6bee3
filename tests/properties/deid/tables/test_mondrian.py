"""The cuts: compiled or not the same, and never where a side would fall below what is asked."""

import subprocess
import sys

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.deid_naive import values_hold
from lib.deid_tables import hierarchy, tables
from tidegate.deid.tables import mondrian
from tidegate.deid.tables.model import (
    ANY,
    Distance,
    DistinctL,
    EntropyL,
    Hierarchy,
    KAnonymity,
    Method,
    QuasiColumn,
    Question,
    RecursiveL,
    SensitiveColumn,
    TableInput,
    TCloseness,
)

TREE = Hierarchy("s", (tuple("abcd"), ("x", "x", "y", "y"), (ANY,) * 4))
VALUES = (
    DistinctL("s0", 2),
    EntropyL("s0", 1.5),
    RecursiveL("s0", 2.0, 2),
    TCloseness("s0", 0.3),
    TCloseness("s0", 0.2, Distance.ORDERED),
    TCloseness("s0", 0.3, Distance.HIERARCHICAL),
)


def treed(table):
    column = table.sensitive[0]
    return TableInput(
        table.quasi, (SensitiveColumn(column.name, column.codes, column.values, TREE),)
    )


@settings(max_examples=80)
@given(tables(sensitive=1, most_rows=60), st.sampled_from(VALUES), st.integers(1, 5))
def test_classes_hold_what_the_whole_table_holds(table, one, k):
    table = treed(table)
    everybody = list(range(table.rows))
    if not values_hold(table, one, everybody, everybody) or table.rows < k:
        return

    classes = mondrian.cut(table, Question((KAnonymity(k), one), Method.PREVIEW))

    for number in range(classes.max() + 1):
        members = np.flatnonzero(classes == number).tolist()
        assert len(members) >= k
        assert values_hold(table, one, members, everybody)


@settings(max_examples=40)
@given(tables(sensitive=1, most_rows=60), st.sampled_from(VALUES), st.booleans())
def test_the_source_as_it_stands_and_compiled_give_the_same_classes(table, one, labels_only):
    table, question = treed(table), Question((KAnonymity(2), one), Method.PREVIEW)

    fast, slow = (
        mondrian.cut(table, question, labels_only=labels_only, compiled=compiled)
        for compiled in (True, False)
    )

    assert fast.tolist() == slow.tolist()


def test_cuts_are_made_between_children_unless_the_column_is_ordered():
    codes = np.repeat(np.array([0, 2, 3, 4], np.int32), [4, 2, 2, 4])
    shape = hierarchy("x", (2, 3), ordered=True)
    table = TableInput((QuasiColumn("c", codes, shape),))
    question = Question((KAnonymity(4),), Method.PREVIEW)

    between = mondrian.cut(table, question)
    children = mondrian.cut(table, question, labels_only=True)

    assert np.bincount(between).tolist() == [4, 4, 4]
    assert np.bincount(children).tolist() == [6, 6]


def test_without_numba_the_engine_gives_the_same_bytes():
    program = """
import sys
if sys.argv[1] == "without":
    sys.modules["numba"] = None
import hashlib
import numpy as np
import tidegate.deid.tables.kernels as kernels
kernels.find_spec = lambda name: None if sys.argv[1] == "without" else True
from tidegate.deid.tables import engine
from tidegate.deid.tables.model import *
rng = np.random.default_rng(1)
labels = (tuple("abcdefgh"), tuple("ssttuuvv"), tuple("wwwwxxxx"), ("*",) * 8)
codes = rng.integers(0, 8, (3, 300)).astype(np.int32)
quasi = tuple(
    QuasiColumn(f"c{at}", codes[at], Hierarchy("x", labels, bool(at))) for at in range(3)
)
digest = hashlib.sha256()
for method in Method:
    answer = engine.anonymise(TableInput(quasi), Question((KAnonymity(4),), method, 0.05))
    digest.update(answer.classes.tobytes() + repr(answer.labels).encode())
    digest.update(answer.losses.tobytes())
print(digest.hexdigest())
"""

    digests = {
        subprocess.run(
            [sys.executable, "-c", program, how], capture_output=True, text=True, check=True
        ).stdout
        for how in ("with", "without")
    }

    assert len(digests) == 1
