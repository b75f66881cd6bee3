"""Counts before and after a recoding, pooled until they tell of no few people."""

import pyarrow as pa
import pytest

from tidegate.catalogue.model import Codebook, Column, ColumnRole, Table
from tidegate.deid.previews.model import MOST_BARS, MOST_RECORDS, BarKind
from tidegate.deid.previews.service import preview, sampled
from tidegate.deid.previews.summaries import bars
from tidegate.deid.recipes import default_recipe, read_recipe


def told(pairs, fewest=11, *, is_ordered=False):
    found = bars(pairs, fewest, is_ordered=is_ordered)
    return [(one.kind.value, one.label, one.records, one.labels) for one in found]


def test_the_frequent_come_first_and_the_rare_are_pooled():
    assert [
        ("label", "b", 50, 1),
        ("label", "a", 20, 1),
        ("pooled", "", 12, 2),
    ] == told([("a", 20), ("b", 50), ("c", 7), ("d", 5)])


def test_a_pool_that_would_tell_takes_the_next_label_with_it():
    assert [("label", "b", 50, 1), ("pooled", "", 23, 2)] == told([("a", 20), ("b", 50), ("c", 3)])


def test_too_few_altogether_are_not_counted():
    assert [("pooled", "", None, 2)] == told([("a", 3), ("b", 4)])


def test_what_tells_nothing_is_one_bar_whatever_it_is_called():
    assert [("nothing", "", 33, 1)] == told([(None, 11), ("*", 11), ("", 11)])


def test_ordered_labels_keep_their_order():
    found = bars([("10-19", 20), ("20-29", 50), ("30-39", 30)], 11, is_ordered=True)

    assert ["10-19", "20-29", "30-39"] == [one.label for one in found]


def test_no_more_labels_are_shown_than_a_person_reads():
    found = bars([(str(n), 100 + n) for n in range(40)], 11, is_ordered=False)

    assert MOST_BARS + 1 == len(found)
    assert BarKind.POOLED is found[-1].kind
    assert 40 - MOST_BARS == found[-1].labels
    assert sum(100 + n for n in range(40)) == sum(one.records for one in found)


@pytest.mark.parametrize(("rows", "most"), [(10, 10), (10, 100), (25, 10), (101, 10), (7, 1)])
@pytest.mark.parametrize("batch", [1, 3, 50])
def test_a_sample_is_every_nth_record_however_the_table_is_cut(rows, most, batch):
    numbers = list(range(rows))
    parts = [numbers[n : n + batch] for n in range(0, rows, batch)]

    def source():
        return (pa.record_batch([pa.array(part)], names=["n"]) for part in parts)

    taken = [n for one in sampled(source, rows, most) for n in one.column("n").to_pylist()]

    assert taken == numbers[:: -(-rows // most)][:most]


def preview_of(ages, publish):
    names = ("id", "age")
    batch = pa.record_batch(
        [pa.array([str(n) for n in range(len(ages))]), pa.array([str(age) for age in ages])],
        names=names,
    )
    age = Column("age", "integer", ColumnRole.QUASI_IDENTIFIER)
    key = Column("id", "integer", ColumnRole.PERSON_KEY)
    book = Codebook((Table("people", len(ages), (key, age), "id"),))
    written = {"columns": {"people.age": {"role": "quasi_identifier", "publish": publish}}}
    recipe = read_recipe(written, book)
    return preview(recipe, default_recipe(book), book, {"people": lambda: iter([batch])})


def test_centres_are_counted_in_the_bands_of_the_values_they_stand_for():
    column = preview_of([n % 90 for n in range(2700)], "centre").edited.columns[0]

    assert "people.age" == column.column
    assert {one.label for one in column.after} <= {one.label for one in column.before}
    assert [one.label for one in column.before] == sorted(
        (one.label for one in column.before), key=lambda label: int(label.partition("-")[0])
    )
    assert sum(one.records for one in column.after) == 2700


def test_labels_are_counted_as_they_are_published():
    column = preview_of([n % 90 for n in range(300)], "label").edited.columns[0]

    assert all(one.records >= 11 for one in column.after)
    assert sum(one.records for one in column.after) <= 300


def test_a_large_table_is_looked_at_in_part_and_says_so():
    seen = preview_of([n % 90 for n in range(MOST_RECORDS * 2 + 1)], "centre")

    assert MOST_RECORDS * 2 + 1 == seen.records
    assert MOST_RECORDS - 5000 <= seen.looked_at <= MOST_RECORDS
    assert seen.looked_at == seen.edited.published + seen.edited.suppressed


def test_the_same_table_gives_the_same_preview():
    assert preview_of(range(18, 90), "label") == preview_of(range(18, 90), "label")
