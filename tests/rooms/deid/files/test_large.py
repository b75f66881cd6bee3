"""Large files: columns on disk, recoding in parts and sorting in piles change no promise."""

import json
from collections import Counter
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooms.deid.files.test_files import read_table, recipe_of, rows_of, write_table
from tidegate.deid.attacks import drawing
from tidegate.deid.errors import NotAnonymousError
from tidegate.deid.files import large, writing
from tidegate.deid.files.model import FileOrder
from tidegate.deid.files.service import publish
from tidegate.deid.files.sorting import pile_of, sort_apart, sort_held
from tidegate.deid.tables import streaming


@pytest.fixture
def order(tmp_path):
    folder = tmp_path / "made"
    source = write_table(tmp_path / "in.csv", rows_of(400))
    return FileOrder(source, folder / "out.csv", folder / "report.json", recipe_of(method="local"))


@pytest.fixture
def is_small_machine(monkeypatch):
    """Everything beyond a few records goes by way of the disk, in parts."""
    monkeypatch.setattr(large, "LARGE_BYTES", 0)
    monkeypatch.setattr(large, "LARGE_ROWS", 90)
    monkeypatch.setattr(drawing, "MOST_ATTACKED", 90)
    monkeypatch.setattr(writing, "_HELD", 40)
    monkeypatch.setattr(streaming, "PART_ROWS", 90)


@pytest.mark.usefixtures("is_small_machine")
@pytest.mark.parametrize(
    "criteria", [[], [{"criterion": "t_closeness", "column": "dx", "t": "0.6"}]]
)
def test_a_large_file_is_published_in_parts_with_the_same_guarantee(order, criteria):
    asked = [{"criterion": "k_anonymity", "k": 5}, *criteria]

    outcome = publish(replace(order, recipe=recipe_of(method="local", criteria=asked)), "test")

    names, *rows = read_table(order.out)
    assert ["note", "age", "居住區", "dx"] == names
    assert (400, 0, 400) == (outcome.published, outcome.suppressed, len(rows))
    assert min(Counter((row[1], row[2]) for row in rows).values()) >= 5
    assert Counter(row[3] for row in rows) == Counter(row[3] for row in rows_of(400))
    assert rows == sorted(rows, key=lambda row: (row[1], row[2], row[0], row[3]))
    told = json.loads(order.report.read_text())
    assert all(one["holds"] for one in told["criteria"])
    assert 90 <= told["attacked"]["records"] < 400
    assert {"linkage", "singling out"} <= {one["attack"] for one in told["attacks"]}
    assert {order.out, order.report} == set(order.out.parent.iterdir())


@pytest.mark.usefixtures("is_small_machine")
def test_a_large_file_gives_the_same_bytes_again(order):
    publish(order, "test")
    first = (order.out.read_bytes(), order.report.read_bytes())

    publish(replace(order, may_replace=True), "test")

    assert first == (order.out.read_bytes(), order.report.read_bytes())


@pytest.mark.usefixtures("is_small_machine")
def test_a_large_file_that_cannot_be_published_leaves_nothing(order):
    criteria = [{"criterion": "k_anonymity", "k": 401}]

    with pytest.raises(NotAnonymousError):
        publish(replace(order, recipe=recipe_of(method="local", criteria=criteria)), "test")

    assert [] == list(order.out.parent.iterdir())


@pytest.mark.parametrize("method", ["preview", "full_domain"])
def test_columns_on_disk_change_no_byte(order, monkeypatch, method):
    asked = replace(order, recipe=recipe_of(method=method), may_replace=True)
    publish(asked, "test")
    first = (order.out.read_bytes(), order.report.read_bytes())

    monkeypatch.setattr(large, "LARGE_BYTES", 0)
    monkeypatch.setattr(writing, "_HELD", 7)
    publish(asked, "test")

    assert first == (order.out.read_bytes(), order.report.read_bytes())


@pytest.mark.usefixtures("is_small_machine")
def test_one_level_a_column_takes_the_whole_table(order):
    publish(replace(order, recipe=recipe_of(method="full_domain")), "test")

    assert len({len(row[1]) for row in read_table(order.out)[1:]}) <= 2


@given(
    st.lists(st.tuples(*[st.sampled_from("ab龍")] * 3, st.integers(0, 5)), min_size=1, max_size=40),
    st.integers(1, 9),
    st.integers(1, 7),
)
def test_piles_on_disk_are_in_the_order_of_memory(tmp_path_factory, rows, most, size):
    heads = sorted({row[:2] for row in rows})[::-1]
    texts = list(zip(*heads, strict=True))
    numbers = pa.array([heads.index(row[:2]) for row in rows], pa.int32()).to_numpy()
    columns = [pa.array([str(row[place]) for row in rows], pa.large_string()) for place in range(4)]
    whole = pa.record_batch(columns, names=["p", "q", "x", "y"])
    batches = [
        (numbers[start : start + size], whole.slice(start, size))
        for start in range(0, len(rows), size)
    ]

    piles = pile_of(numbers, texts, most)
    apart = sort_apart(batches, piles, ["p", "q"], tmp_path_factory.mktemp("piles"))

    held = sort_held([whole], ["p", "q"])
    assert [row for one in apart for row in one.to_pylist()] == [
        row for one in held for row in one.to_pylist()
    ]
