"""What the verifier's reader takes, and what it refuses."""

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.deid.verifier.errors import PublishedUnreadableError
from tidegate.deid.verifier.reading import read_table
from unit.deid.verifier.tables import batches_of, write_csv


def texts_of(table):
    return [[column.texts[code] for code in column.codes.tolist()] for column in table.columns]


@given(
    rows=st.lists(
        st.tuples(st.text("ab 中", max_size=3), st.text('xy,"\n', max_size=3)), min_size=1
    )
)
def test_a_csv_is_read_as_it_was_written(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in rows]
    write_csv(path, ("a", "b"), quoted)

    table = read_table(path)

    assert [list(column) for column in zip(*rows, strict=True)] == texts_of(table)


def test_a_single_column_keeps_its_empty_values(tmp_path):
    table = read_table(write_csv(tmp_path / "t.csv", ("a",), [("x",), ("",), ("y",)]))

    assert [["x", "", "y"]] == texts_of(table)


def test_a_byte_order_mark_and_another_delimiter_are_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("\ufeffa;b\n1;2\n".encode())

    assert ("a", "b") == read_table(path, ";").names


def test_a_missing_value_is_not_the_empty_text(tmp_path):
    pyarrow.parquet.write_table(
        pa.table({"a": ["", None, "x"], "b": [1, 2, 1]}), tmp_path / "t.parquet"
    )

    assert [["", None, "x"], ["1", "2", "1"]] == texts_of(read_table(tmp_path / "t.parquet"))


def test_a_table_of_many_blocks_keeps_its_order(tmp_path):
    rows = [(f"v{n % 1000}", f"w{n}") for n in range(200_000)]

    table = read_table(write_csv(tmp_path / "t.csv", ("a", "b"), rows))

    assert [list(column) for column in zip(*rows, strict=True)] == texts_of(table)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "published_empty"),
        (b"a,b\n1,2\n3\n", "published_unreadable"),
        (b"a,b\n1,\xff\xfe\n", "published_unreadable"),
        (b"a,a\n1,2\n", "published_names"),
        (b'a,b\n1,"2\n', "published_unreadable"),
        (b'"a,b\n1,2\n', "published_unreadable"),
    ],
)
def test_a_csv_that_leaves_a_doubt_is_refused(tmp_path, content, code):
    path = tmp_path / "t.csv"
    path.write_bytes(content)

    with pytest.raises(PublishedUnreadableError) as refused:
        read_table(path)

    assert code == refused.value.code


def test_a_file_that_is_not_there_or_no_parquet_is_refused(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 not really")

    for name in ("none.csv", "t.parquet"):
        with pytest.raises(PublishedUnreadableError):
            read_table(tmp_path / name)


def test_batches_of_different_shape_are_refused():
    def uneven():
        yield from batches_of(("a", "b"), [("1", "2")])()
        yield from batches_of(("a",), [("1",)])()

    with pytest.raises(PublishedUnreadableError, match="different columns"):
        read_table(uneven)
