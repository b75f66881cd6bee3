"""The compiled language against a naive twin that looks at every row."""

from hashlib import blake2b
from itertools import product

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.lab_data import EVENTS, TESTS, arrow, codebook_of, make_tables
from lib.lab_twin import Twin
from tidegate.catalogue.model import Codebook, Column, ColumnRole, Table
from tidegate.lab.analysis import PersonRows
from tidegate.lab.errors import (
    CodebookMismatchError,
    QueryMemoryError,
    QueryStoppedError,
    QueryTimeError,
)
from tidegate.lab.query import model as q
from tidegate.lab.query.axes import axes_of
from tidegate.lab.query.rules import check_query
from tidegate.lab.query.wire import parse_query, query_bytes
from tidegate.lab.visits.engine import Engine
from tidegate.lab.visits.session import Session

TABLES = make_tables(people=60, seed=7)
CODEBOOK = codebook_of(TABLES)
KEY = b"k" * 32


@pytest.fixture(scope="module")
def session():
    opened = Session(arrow(TABLES), CODEBOOK, roster_key=KEY)
    yield opened
    opened.close()


ages = st.integers(15, 95)
compare = st.builds(q.Compare, st.just("age"), st.sampled_from(list(q.Comparison)), ages)
person_tests = st.recursive(
    compare
    | st.builds(
        q.OneOf, st.just("site"), st.lists(st.sampled_from(["east", "west"]), min_size=1).map(tuple)
    )
    | st.builds(q.Between, st.just("weight"), st.just("55.5"), st.just(90))
    | st.builds(q.Missing, st.just("weight")),
    lambda inner: (
        st.builds(q.RowNot, inner)
        | st.builds(q.RowAll, st.lists(inner, min_size=1, max_size=2).map(tuple))
        | st.builds(q.RowAny, st.lists(inner, min_size=1, max_size=2).map(tuple))
    ),
    max_leaves=4,
)
lab_is = st.builds(q.Compare, st.just("test"), st.just(q.Comparison.EQ), st.sampled_from(TESTS))
picked = st.builds(
    q.Picked,
    st.just("labs"),
    st.sampled_from(list(q.End)),
    st.just("days"),
    st.just("value"),
    st.none() | lab_is,
)
conditions = st.recursive(
    st.just(q.Everyone())
    | st.builds(q.Has, st.just("person"), person_tests)
    | st.builds(q.Has, st.just("labs"), st.none() | lab_is, st.integers(1, 3))
    | st.builds(
        q.Has,
        st.just("events"),
        st.builds(q.Compare, st.just("event"), st.just(q.Comparison.EQ), st.sampled_from(EVENTS)),
    )
    | st.builds(
        q.PickedIs,
        picked,
        st.builds(
            q.Compare, st.just("value"), st.sampled_from(list(q.Comparison)), st.just("50.5")
        ),
    ),
    lambda inner: (
        st.builds(q.Not, inner)
        | st.builds(q.All, st.lists(inner, min_size=1, max_size=2).map(tuple))
        | st.builds(q.Any, st.lists(inner, min_size=1, max_size=2).map(tuple))
    ),
    max_leaves=4,
)
groupings = (
    st.builds(q.Grouping, st.just(q.ColumnOf("person", "age")), st.just((30, 50, "64.5")))
    | st.builds(
        q.Grouping, st.sampled_from([q.ColumnOf("person", "male"), q.ColumnOf("person", "site")])
    )
    | st.builds(q.Grouping, picked, st.just((40, 60)))
    | st.builds(q.Grouping, st.builds(q.Whether, conditions))
)
queries = (
    st.builds(q.CohortCount, conditions, st.none() | groupings)
    | st.builds(q.CrossTable, conditions, groupings, groupings)
    | st.builds(
        q.KaplanMeier,
        conditions,
        st.just(q.ColumnOf("person", "futime")),
        st.builds(q.EventWhen, conditions)
        | st.just(q.EventRows("events", "days", q.Compare("event", q.Comparison.EQ, "mi"))),
        st.none() | groupings,
    )
)


def person_index(session):
    """Return {person key: index}, by the same keyed hash as the roster."""
    places = {int(h): n for n, h in enumerate(session.roster)}
    people = Twin(TABLES, CODEBOOK).people
    return {
        p: places[int.from_bytes(blake2b(p.encode(), digest_size=8, key=KEY).digest())]
        for p in people
    }


def asked(session, query, codebook=CODEBOOK) -> PersonRows:
    return Engine(seconds=60).ask(
        query, axes_of(query, codebook), session, agreement_id="a", version_id="v"
    )


@pytest.mark.slow
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(query=queries)
def test_the_engine_answers_what_the_twin_answers(session, query):
    check_query(query, CODEBOOK)
    twin, index = Twin(TABLES, CODEBOOK), person_index(session)

    rows = asked(session, query)

    assert parse_query(query_bytes(query)) == query
    expected = {index[person]: answer for person, answer in twin.answer(query).items()}
    assert sorted(expected) == sorted(rows.index.tolist())
    axes = axes_of(query, CODEBOOK)
    for place, person in enumerate(rows.index.tolist()):
        codes = tuple(int(group[place]) for group in rows.groups)
        assert tuple(_placed(query, axes, expected[person][0])) == codes
        if rows.day is not None:
            day, event = expected[person][1:]
            assert (day if day is not None else None) == (
                None if np.isnan(rows.day[place]) else rows.day[place]
            )
            assert event == bool(rows.event[place])


def _placed(query, axes, codes):
    from tidegate.lab.query.axes import groupings_of, places_of

    for grouping, axis, code in zip(groupings_of(query), axes, codes, strict=True):
        yield places_of(grouping, axis, CODEBOOK)[code]


def test_a_person_with_many_rows_counts_once(session):
    rows = asked(session, q.CohortCount(q.Has("labs")))

    assert len({row["id"] for row in TABLES["labs"]}) == len(rows.index)


def test_a_query_past_its_time_is_stopped(session):
    engine = Engine(seconds=0.0)
    statement = "SELECT count(*) FROM range(100000000) a, range(300) b"

    with pytest.raises(QueryTimeError), engine.running("a", "v", session) as (running, cursor):
        _run_until_stopped(cursor, statement, running)


def test_closing_an_agreement_stops_its_running_query(session):
    engine = Engine(seconds=60)

    def run_and_close():
        with engine.running("a", "v", session):
            engine.stop(lambda one: one.agreement_id == "a", "the agreement was closed")

    with pytest.raises(QueryStoppedError, match="closed"):
        run_and_close()


def test_ending_a_visit_stops_its_query_and_no_other(session):
    engine = Engine(seconds=60)

    def run_and_stop(pid):
        with engine.running("a", "v", session, transfer_pid=pid):
            engine.stop(lambda one: one.transfer_pid == "tp_1", "the visit was suspended or ended")

    run_and_stop("tp_2")
    with pytest.raises(QueryStoppedError, match="visit"):
        run_and_stop("tp_1")


def test_the_engine_reaches_no_file_and_takes_no_setting(session):
    for statement in ("SELECT * FROM read_text('/etc/hostname')", "SET threads = 9"):
        with pytest.raises(duckdb.Error):
            session.cursor().execute(statement)


def test_what_does_not_fit_in_memory_is_refused_and_never_lies_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    opened = Session(arrow(TABLES), CODEBOOK, roster_key=KEY, memory_mb=40)
    sort = "SELECT i, hash(i)::VARCHAR AS h FROM range(2000000) t(i) ORDER BY h"

    with pytest.raises(duckdb.OutOfMemoryException):
        opened.cursor().execute(sort).fetchnumpy()
    with pytest.raises(QueryMemoryError, match="fewer groups"):
        Session(arrow(make_tables(people=4000)), CODEBOOK, roster_key=KEY, memory_mb=3)

    opened.close()
    assert [] == list(tmp_path.rglob("*"))


def test_data_that_contradict_their_codebook_are_not_opened():
    doubled = {**TABLES, "person": [*TABLES["person"][:-1], TABLES["person"][0]]}

    with pytest.raises(CodebookMismatchError):
        Session(arrow(doubled), CODEBOOK, roster_key=KEY)


def test_least_recently_used_versions_are_dropped():
    engine, opened = Engine(keep=1), []

    def load():
        opened.append(1)
        return Session(arrow(TABLES), CODEBOOK, roster_key=KEY)

    engine.session("a", load)
    engine.session("a", load)
    engine.session("b", load)
    engine.session("a", load)

    assert 3 == len(opened)


def _run_until_stopped(cursor, statement, running):
    try:
        cursor.execute(statement).fetchall()
    except duckdb.InterruptException:
        running.check()


NAMES = ("person_index", "indexed", "arriving", "v", "o", "edge", "g0", "event", "first", "until")


def test_a_column_or_table_of_any_name_is_asked_like_another():
    """Names the engine might use itself: a number in the data is never taken for a person."""
    rows = [{"id": n, **dict.fromkeys(NAMES, n % 2)} for n in range(60)]
    columns = (
        Column("id", "integer", ColumnRole.PERSON_KEY, distinct=60),
        *(Column(name, "integer", minimum="0", maximum="1", distinct=2) for name in NAMES),
    )
    tables = ("indexed", "arriving", "person")
    codebook = Codebook(tuple(Table(name, 60, columns, "id") for name in tables))
    given = pa.Table.from_pylist(rows)
    session = Session(dict.fromkeys(tables, given), codebook, roster_key=KEY)

    for table, name in product(tables, NAMES):
        one = q.Has(table, q.Compare(name, q.Comparison.EQ, 1))
        last = q.Picked(table, q.End.LAST, name, name)
        for of in (q.ColumnOf(table, name), last):
            found = asked(session, q.CohortCount(one, q.Grouping(of)), codebook)
            assert [30] == np.bincount(found.groups[0])[1:].tolist()
    session.close()
