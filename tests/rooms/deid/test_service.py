"""A run of a recipe: nobody can be found in what comes out, and the count is independent."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.catalogue.model import Codebook, Column, ColumnRole, Table
from tidegate.deid.errors import NotAnonymousError, RecipeInvalidError, RecountError
from tidegate.deid.model import TableCount
from tidegate.deid.releases.errors import ReleaseRefusedError
from tidegate.deid.service import DeidService
from tidegate.deid.verifier.errors import NotBorneOutError
from tidegate.keys.service import create_key_file

R = ColumnRole
PEOPLE = Table(
    "people",
    0,
    (
        Column("id", "string", R.PERSON_KEY),
        Column("name", "string", R.DIRECT_IDENTIFIER, "name"),
        Column("age", "integer", R.QUASI_IDENTIFIER),
        Column("born", "date", R.DATE),
        Column("well", "boolean", R.MEASURE),
        Column("note", "string", R.OTHER),
    ),
    "id",
)
TESTS = Table(
    "tests",
    0,
    (
        Column("id", "string", R.PERSON_KEY),
        Column("value", "number", R.MEASURE),
        Column("day", "date", R.DATE),
    ),
    "id",
)
BOOK = Codebook((PEOPLE, TESTS))


@pytest.fixture(scope="module")
def deid(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return DeidService(create_key_file(folder / "node.json", "a passphrase for tests"))


def batches(table, rows):
    schema = pa.schema([(column.name, pa.string()) for column in table.columns])
    arrays = list(zip(*rows, strict=True)) or [()] * len(table.columns)
    whole = pa.Table.from_arrays([pa.array(a, pa.string()) for a in arrays], schema=schema)
    return lambda: iter(whole.to_batches(max_chunksize=7))


def cohort(count):
    people = [
        (f"P{n}", f"Chan {n}", str(30 + n % 40), "1970-01-01", "true", "call 9123-4567")
        for n in range(count)
    ]
    tests = [(f"P{n}", f"{n}.5", f"2020-01-{n % 28 + 1:02d}") for n in range(count)] * 2
    return {"people": batches(PEOPLE, people), "tests": batches(TESTS, tests)}


class Kept:
    """A sink that keeps the written batches."""

    def __init__(self):
        self.tables = {}

    @contextmanager
    def open(self, table, schema):
        self.tables[table] = written = []

        class Sink:
            def write_batch(self, batch):
                assert batch.schema == schema
                written.append(batch)

        yield Sink()

    def sources(self):
        return {name: (lambda got=got: iter(got)) for name, got in self.tables.items()}

    def rows(self, table):
        return [row for batch in self.tables[table] for row in batch.to_pylist()]


def run(deid, project="prj_a", count=300, recipe=None, sources=None):
    recipe, kept = recipe or deid.default_recipe(BOOK), Kept()
    result = deid.run(recipe, BOOK, project, sources or cohort(count), kept.open)
    return recipe, result, kept


def test_identifiers_go_keys_match_and_types_are_kept(deid):
    _, result, kept = run(deid)
    first = kept.rows("people")[0]

    assert {"id", "age", "born", "well", "note"} == set(first)
    assert (True, "call [phone]") == (first["well"], first["note"])
    assert {r["id"] for r in kept.rows("tests")} == {r["id"] for r in kept.rows("people")}
    assert 300 == result.scrubbed


def test_linking_with_the_original_identifiers_finds_nobody(deid):
    _, _, kept = run(deid)
    originals = {f"P{n}" for n in range(300)} | {f"Chan {n}" for n in range(300)}
    published = {str(v) for t in kept.tables for row in kept.rows(t) for v in row.values()}

    assert not originals & published


def test_pseudonyms_and_shifts_differ_between_projects_and_agree_within_one(deid):
    _, _, a = run(deid, "prj_a")
    _, _, again = run(deid, "prj_a")
    _, _, b = run(deid, "prj_b")

    assert a.rows("people") == again.rows("people")
    assert not {r["id"] for r in a.rows("people")} & {r["id"] for r in b.rows("people")}
    assert [r["born"] for r in a.rows("people")] != [r["born"] for r in b.rows("people")]


def test_intervals_within_a_person_stay_true_while_every_date_moves(deid):
    _, _, kept = run(deid)
    born = {r["id"]: r["born"] for r in kept.rows("people")}
    days = {(r["day"] - born[r["id"]]).days for r in kept.rows("tests")}

    assert all(18262 <= d <= 18262 + 27 for d in days)
    assert "1970-01-01" not in {d.isoformat() for d in born.values()}


def test_rows_of_suppressed_people_go_from_every_table(deid):
    sources = cohort(300)
    odd = [("P_odd", "Odd", None, "1900-01-01", "false", None)]
    rows = [tuple(row.values()) for b in sources["people"]() for row in b.to_pylist()]
    tests = [("P_odd", "1.0", "2020-01-01")]
    sources = {"people": batches(PEOPLE, rows + odd), "tests": batches(TESTS, tests)}
    recipe = deid.read_recipe({"method": "full_domain"}, BOOK)
    _, result, kept = run(deid, recipe=recipe, sources=sources)

    assert (TableCount("people", 301, 300, 1), TableCount("tests", 1, 0, 1)) == result.tables
    assert [] == kept.rows("tests")


@settings(max_examples=40, deadline=None)
@given(
    ages=st.lists(st.one_of(st.none(), st.integers(0, 60)), min_size=1, max_size=60),
    k=st.integers(2, 6),
)
def test_what_is_written_is_k_anonymous_by_a_count_of_its_own(deid, ages, k):
    rows = [
        (f"P{n}", "x", None if a is None else str(a), "1970-01-01", "true", "n")
        for n, a in enumerate(ages)
    ]
    sources = {"people": batches(PEOPLE, rows), "tests": batches(TESTS, [])}
    recipe = replace(deid.default_recipe(BOOK, k), suppression="0.2")
    try:
        _, result, kept = run(deid, recipe=recipe, sources=sources)
    except NotAnonymousError:
        assert len(ages) < k
        return
    count = deid.recount(recipe, result, kept.sources())
    naive = {}
    for row in kept.rows("people"):
        naive[row["age"]] = naive.get(row["age"], 0) + 1

    assert all(size >= k for size in naive.values())
    assert len(ages) == len(kept.rows("people")) + result.tables[0].suppressed
    assert (len(naive), min(naive.values(), default=0)) == (
        count.people.classes,
        count.people.smallest,
    )


def test_the_report_gives_exact_fractions_and_is_judged_by_its_threshold(deid):
    recipe, result, kept = run(deid)
    count = deid.recount(recipe, result, kept.sources())
    about = dict.fromkeys(("id", "version_id", "project_id", "author", "created_at"), "x")
    report = deid.report(recipe, result, count, **about)

    assert f"1/{count.people.smallest}" == report.risk_max
    assert count.people.smallest >= 11
    assert [("k_anonymity", "11", True)] == [
        (c.criterion, c.asked, c.holds) for c in report.criteria
    ]
    assert {"prosecutor": report.risk_max} == {
        risk.attacker: risk.greatest for risk in report.risks if risk.attacker == "prosecutor"
    }
    assert deid.accepts(report)
    assert not deid.accepts(replace(report, threshold="1/1000"))
    assert 333_334 == deid.parts_per_million("1/3")


def test_the_independent_count_finds_what_the_run_did_not_say(deid):
    recipe, result, kept = run(deid)
    fewer = {**kept.sources(), "tests": lambda: iter(kept.tables["tests"][1:])}
    (asked,) = recipe.criteria
    small = replace(recipe, criteria=(replace(asked, k=1000),))
    lying = replace(result, tables=(replace(result.tables[0], suppressed=5), *result.tables[1:]))
    leaky = kept.tables["people"][0]
    column = leaky.schema.get_field_index("note")
    changed = leaky.set_column(column, "note", pa.array(["A123456(3)"] * leaky.num_rows))
    leaking = {**kept.sources(), "people": lambda: iter([changed, *kept.tables["people"][1:]])}
    unwritten = {"people": kept.sources()["people"]}
    narrow = [batch.drop_columns(["day"]) for batch in kept.tables["tests"]]
    lacking = {**kept.sources(), "tests": lambda: iter(narrow)}

    for code, kind, args in (
        ("records_lost", NotBorneOutError, (recipe, result, fewer)),
        ("unmet_k_anonymity", NotBorneOutError, (small, result, kept.sources())),
        ("recount_lost", RecountError, (recipe, lying, kept.sources())),
        ("recount_lost", RecountError, (recipe, result, unwritten)),
        ("identifier_left", NotBorneOutError, (recipe, result, leaking)),
        ("other_columns", NotBorneOutError, (recipe, result, lacking)),
    ):
        with pytest.raises(kind) as found:
            deid.recount(*args)
        assert code == found.value.code


def test_a_person_with_two_rows_of_quasi_identifiers_is_refused(deid):
    rows = [("P1", "x", "30", "1970-01-01", "true", "n")] * 20
    sources = {"people": batches(PEOPLE, rows), "tests": batches(TESTS, [])}

    with pytest.raises(RecipeInvalidError, match="several rows"):
        run(deid, sources=sources)


@pytest.mark.parametrize(
    "document",
    [
        {"k": 1},
        {"k": "ten"},
        {"threshold": "often"},
        {"threshold": "2"},
        {"suppression": "1"},
        {"suppression": True},
        {"method": "guess"},
        {"format": "tidegate-deid-version/9"},
        {"criteria": []},
        {"criteria": [{"criterion": "distinct_l", "column": "well", "l": 2}]},
        {"criteria": [{"criterion": "k_anonymity", "k": 5}, {"criterion": "l"}]},
        {"colour": "red"},
        {"columns": {"people.nobody": {"action": "keep"}}},
        {"columns": {"people.name": {"action": "keep"}}},
        {"columns": {"people.name": {"role": "other", "action": "keep"}}},
        {"columns": {"people.name": {"action": "explode"}}},
        {"columns": {"people.name": "keep"}},
        {"columns": {"people.name": {"name": "other"}}},
        {"columns": {"people.id": {"role": "other", "action": "scrub"}}},
        {"columns": {"people.age": {"role": "other", "action": "keep"}}},
        {"columns": {"people.note": {"action": "shift_date"}}},
        {"columns": {"tests.value": {"role": "quasi_identifier"}}},
    ],
)
def test_a_recipe_with_a_mistake_is_refused(deid, document):
    with pytest.raises(RecipeInvalidError):
        run(deid, recipe=deid.read_recipe(document, BOOK))


def test_a_written_recipe_is_followed_and_reads_the_same_again(deid):
    document = {
        "k": 5,
        "columns": {
            "people.age": {"hierarchy": {"kind": "age", "unknown": "other", "top": 60}},
            "people.name": {"action": "pseudonymise"},
            "people.note": {"action": "remove"},
            "people.born": {"action": "empty"},
        },
    }
    recipe = deid.read_recipe(document, BOOK)
    _, result, kept = run(deid, recipe=recipe)
    first = kept.rows("people")[0]

    assert ("people.note", "people.born") == result.removed
    assert first["name"].startswith("p")
    assert first["name"] != first["id"]
    assert {None} == {row["born"] for row in kept.rows("people")}
    assert 64 == len(result.recipe_digest)
    assert recipe == deid.read_recipe(deid.recipe_document(recipe), BOOK)
    assert (5, "1/5") == (recipe.k, recipe.threshold)


def test_numbers_and_dates_are_the_centre_of_their_class_and_keep_their_type(deid):
    document = {"columns": {"people.born": {"role": "quasi_identifier", "publish": "centre"}}}
    rows = [
        (f"P{n}", "x", str(20 + n % 50), f"19{50 + n % 40}-03-{n % 28 + 1:02d}", "true", "n")
        for n in range(400)
    ]
    sources = {"people": batches(PEOPLE, rows), "tests": batches(TESTS, [])}
    recipe = deid.read_recipe(document, BOOK)
    _, result, kept = run(deid, recipe=recipe, sources=sources)
    ages = {row[0]: int(row[2]) for row in rows}
    published = kept.rows("people")
    classes = result.people.recoding.classes.tolist()

    assert {int} == {type(row["age"]) for row in published}
    assert {date} == {type(row["born"]) for row in published}
    by_class = {}
    for (person, *_), number in zip(rows, classes, strict=True):
        by_class.setdefault(number, []).append(ages[person])
    shown = [row["age"] for row in published]
    kept_classes = [number for number in classes if number >= 0]
    for age, number in zip(shown, kept_classes, strict=True):
        members = sorted(by_class[number])
        assert members[0] <= age <= members[-1]
        assert age in members


def test_a_label_may_be_asked_for_and_what_is_hidden_is_left_empty(deid):
    document = {"k": 50, "columns": {"people.age": {"publish": "label"}}}
    _, result, kept = run(deid, recipe=deid.read_recipe(document, BOOK))
    ages = {row["age"] for row in kept.rows("people")}
    labels = set(result.people.recoding.labels[0])

    assert ages == {None if label == "*" else label for label in labels}
    assert {str} >= {type(age) for age in ages if age is not None}


def test_diversity_of_a_sensitive_column_is_reached_and_counted(deid):
    document = {
        "criteria": [
            {"criterion": "k_anonymity", "k": 4},
            {"criterion": "distinct_l", "column": "well", "l": 2},
        ],
        "columns": {"people.well": {"role": "sensitive"}},
    }
    rows = [
        (f"P{n}", "x", str(30 + n // 10), "1970-01-01", "true" if n % 9 else "false", "n")
        for n in range(300)
    ]
    sources = {"people": batches(PEOPLE, rows), "tests": batches(TESTS, [])}
    recipe = deid.read_recipe(document, BOOK)
    _, result, kept = run(deid, recipe=recipe, sources=sources)
    count = deid.recount(recipe, result, kept.sources())
    both = {}
    for row in kept.rows("people"):
        both.setdefault(row["age"], set()).add(row["well"])

    assert {frozenset({True, False})} == {frozenset(values) for values in both.values()}
    assert [True, True] == [one.holds for one in count.people.criteria]


def test_a_table_without_records_is_written_and_verified(deid):
    sources = {"people": batches(PEOPLE, []), "tests": batches(TESTS, [])}
    recipe, result, kept = run(deid, sources=sources)
    count = deid.recount(recipe, result, kept.sources())

    assert None is result.people
    assert (("people", 0), ("tests", 0)) == count.rows


def test_a_second_release_that_tells_people_apart_is_refused_with_what_would_mend_it(deid):
    _, first, _ = run(deid, count=300)
    _, same, _ = run(deid, count=300)
    _, grown, _ = run(deid, count=303)
    kept = deid.remember(first, "v1", "ds")

    assert deid.check_releases([kept], deid.remember(same, "v2", "ds"), 11).holds
    with pytest.raises(ReleaseRefusedError, match="Hold back"):
        deid.check_releases([kept], deid.remember(grown, "v2", "ds"), 11)
