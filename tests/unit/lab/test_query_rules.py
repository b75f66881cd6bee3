"""What may be asked: names, types, categories, and how complex."""

import pytest

from lib.lab_data import codebook_of, make_tables
from tidegate.lab.errors import QueryInvalidError
from tidegate.lab.query import model as q
from tidegate.lab.query.names import columns_of
from tidegate.lab.query.rules import check_query
from tidegate.lab.query.wire import parse_query, query_hash, read_query

CODEBOOK = codebook_of(make_tables(people=80))
EQ, GE = q.Comparison.EQ, q.Comparison.GE
AGE = q.ColumnOf("person", "age")


def has(column, op, value, table="person"):
    return q.CohortCount(q.Has(table, q.Compare(column, op, value)))


def deep(depth):
    condition = q.Everyone()
    for _ in range(depth):
        condition = q.Not(condition)
    return q.CohortCount(condition)


WRONG = {
    "unknown_table": q.CohortCount(q.Has("persons")),
    "unknown_column": has("agee", EQ, 3),
    "hidden_column": has("id", EQ, 3),
    "unknown_category": has("site", EQ, "south"),
    "value_type": has("age", EQ, "abc"),
    "type": has("site", GE, "east"),
    "query_depth": deep(12),
    "query_words": q.CohortCount(q.All((q.Everyone(),) * 70)),
    "query_empty": q.CohortCount(q.All(())),
    "query_at_least": q.CohortCount(q.Has("labs", None, 0)),
    "query_values": q.CohortCount(q.Has("person", q.OneOf("age", ()))),
    "query_rows": q.CohortCount(q.Everyone(), q.Grouping(q.ColumnOf("labs", "value"), (1,))),
    "query_bands": q.CohortCount(q.Everyone(), q.Grouping(AGE, (50, 40))),
    "query_every": q.KaplanMeier(
        q.Everyone(), q.ColumnOf("person", "futime"), q.EventWhen(q.Everyone()), every=0
    ),
    "query_picked": q.CohortCount(
        q.PickedIs(q.Picked("labs", q.End.LAST, "days", "value"), q.Missing("days"))
    ),
    "query_cells": q.CrossTable(
        q.Everyone(),
        q.Grouping(AGE, tuple(range(20, 50))),
        q.Grouping(AGE, tuple(range(20, 50))),
    ),
}


def test_a_column_typed_wrong_is_refused_with_what_is_near_and_never_with_a_key():
    with pytest.raises(QueryInvalidError, match=r"no column 'agee'; near it: age\.$"):
        check_query(has("agee", EQ, 3), CODEBOOK)
    with pytest.raises(QueryInvalidError, match=r"no column 'idd'\.$"):
        check_query(has("idd", EQ, 3), CODEBOOK)


@pytest.mark.parametrize(("code", "query"), WRONG.items(), ids=WRONG)
def test_a_wrong_query_is_refused_with_its_reason(code, query):
    with pytest.raises(QueryInvalidError) as refusal:
        check_query(query, CODEBOOK)

    assert code == refusal.value.code


def test_an_unknown_category_is_named():
    with pytest.raises(QueryInvalidError, match="'south' is not among the categories of site"):
        check_query(has("site", EQ, "south"), CODEBOOK)


def test_a_column_without_categories_needs_bands():
    ungrouped = q.CohortCount(q.Everyone(), q.Grouping(q.ColumnOf("person", "weight")))

    with pytest.raises(QueryInvalidError, match="give bands"):
        check_query(ungrouped, CODEBOOK)


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"[",
        b'{"kind":"rows","cohort":{"kind":"everyone"}}',
        b'{"kind":"count","cohort":{"kind":"everyone"},"limit":1}',
        b'{"kind":"count","cohort":{"kind":"has","table":"t","where":{"kind":"compare","column":"c","op":"like","value":1}}}',
        b'{"kind":"count","cohort":' + b'{"kind":"not","part":' * 5000,
        b" " * 70_000,
    ],
)
def test_what_is_not_of_the_language_is_refused(content):
    with pytest.raises(QueryInvalidError):
        parse_query(content)


def test_the_same_query_has_the_same_hash_however_it_is_written():
    one = read_query({"kind": "count", "cohort": {"kind": "has", "table": "t", "at_least": 1}})
    other = read_query({"cohort": {"table": "t", "kind": "has"}, "kind": "count"})

    assert query_hash(one) == query_hash(other)


def test_the_columns_a_query_reads_are_listed():
    query = q.KaplanMeier(
        q.All((q.Not(q.Has("person", q.RowAny((q.Missing("weight"),)))), q.Everyone())),
        q.ColumnOf("person", "futime"),
        q.EventRows("events", "days", q.RowNot(q.Compare("event", EQ, "mi"))),
        q.Grouping(
            q.Whether(
                q.PickedIs(q.Picked("labs", q.End.LAST, "days", "value"), q.Compare("value", GE, 5))
            )
        ),
    )

    assert {
        ("person", "weight"), ("person", "futime"), ("events", "days"), ("events", "event"),
        ("labs", "days"), ("labs", "value"),
    } == set(columns_of(query))  # fmt: skip
