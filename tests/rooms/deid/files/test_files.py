"""A file is published whole, verified and anonymous, or not at all."""

import csv
import io
import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.deid.errors import NotAnonymousError, RecipeInvalidError
from tidegate.deid.files.errors import FileExistsAlreadyError, TableUnreadableError
from tidegate.deid.files.model import FileOrder
from tidegate.deid.files.service import publish, sample
from tidegate.deid.files.writing import _lines
from tidegate.deid.recipe import service as recipes
from tidegate.deid.tables.model import Method
from tidegate.deid.verifier.errors import NotBorneOutError
from tidegate.kernel.failpoint import arm, disarm

PLACES = ("沙田區", "灣仔區", "廣州市天河區", "深圳市南山區")
COLUMNS = [
    {"name": "note", "role": "other"},
    {"name": "age", "role": "quasi_identifier"},
    {"name": "居住區", "role": "quasi_identifier"},
    {"name": "dx", "role": "sensitive"},
]


def rows_of(count=120):
    return [
        [f"visit, no. {n % 3}", str(20 + n * 7 % 60), PLACES[n % 4], f"I{20 + n % 5}.{n % 3}"]
        for n in range(count)
    ]


def write_table(path, rows, names=("note", "age", "居住區", "dx")):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([names, *rows])
    return path


def read_table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def recipe_of(columns=COLUMNS, **changes):
    return recipes.read_document(
        {
            "format": "tidegate-deid-recipe/1",
            "columns": columns,
            "criteria": [{"criterion": "k_anonymity", "k": 5}],
            "method": "preview",
            **changes,
        }
    )


@pytest.fixture
def order(tmp_path):
    source = write_table(tmp_path / "in.csv", rows_of())
    return FileOrder(source, tmp_path / "out.csv", tmp_path / "report.json", recipe_of())


def test_the_published_file_keeps_names_and_order_and_every_record_is_accounted_for(order):
    outcome = publish(order, "tidegate test")

    names, *rows = read_table(order.out)
    assert ["note", "age", "居住區", "dx"] == names
    assert (120, 0, 120) == (outcome.published, outcome.suppressed, len(rows))
    assert min(Counter((row[1], row[2]) for row in rows).values()) >= 5
    assert Counter(row[3] for row in rows) == Counter(row[3] for row in rows_of())


def test_the_same_file_and_recipe_give_the_same_bytes(order):
    publish(order, "tidegate test")
    first = (order.out.read_bytes(), order.report.read_bytes())

    publish(replace(order, may_replace=True), "tidegate test")

    assert first == (order.out.read_bytes(), order.report.read_bytes())


def test_the_order_of_the_received_records_cannot_be_seen(order, tmp_path):
    publish(order, "tidegate test")
    turned = write_table(tmp_path / "turned.csv", rows_of()[::-1])
    other = replace(order, source=turned, out=tmp_path / "o2.csv", report=tmp_path / "r2.json")

    publish(other, "tidegate test")

    assert order.out.read_bytes() == other.out.read_bytes()


def test_records_stay_in_order_where_the_recipe_says_so(order):
    publish(replace(order, recipe=recipe_of(order="kept")), "tidegate test")

    assert [row[0] for row in rows_of()] == [row[0] for row in read_table(order.out)[1:]]


def test_a_centre_is_a_number_that_all_members_of_a_class_share(order):
    columns = [dict(each) for each in COLUMNS]
    columns[1]["publish"] = "centre"

    publish(replace(order, recipe=recipe_of(columns)), "tidegate test")

    ages = Counter((row[1], row[2]) for row in read_table(order.out)[1:])
    assert min(ages.values()) >= 5
    assert all(20 <= int(age) < 80 for age, _ in ages)


def test_direct_identifiers_are_emptied_removed_or_given_keyed_names(tmp_path, order):
    rows = [
        [f"p{n}@example.org", f"P{n % 60}", str(n), *row[1:]] for n, row in enumerate(rows_of())
    ]
    names = ("contact", "patient_id", "mrn", "age", "居住區", "dx")
    write_table(order.source, rows, names)
    direct = [
        {"name": "contact", "role": "direct_identifier", "action": "empty"},
        {"name": "patient_id", "role": "direct_identifier", "action": "pseudonymise"},
        {"name": "mrn", "role": "direct_identifier", "action": "remove"},
    ]
    told = replace(order, recipe=recipe_of([*direct, *COLUMNS[1:]]), key=b"k" * 32)

    publish(told, "tidegate test")

    names, *rows = read_table(order.out)
    assert ["contact", "patient_id", "age", "居住區", "dx"] == names
    assert {""} == {row[0] for row in rows}
    assert {2} == {*Counter(row[1] for row in rows).values()}
    assert all(row[1].startswith("p") and len(row[1]) == 27 for row in rows)


def test_pseudonyms_need_a_key(order):
    columns = [{"name": "note", "role": "direct_identifier", "action": "pseudonymise"}]

    with pytest.raises(RecipeInvalidError) as refused:
        publish(replace(order, recipe=recipe_of([*columns, *COLUMNS[1:]])), "tidegate test")

    assert "key_missing" == refused.value.code


def test_what_the_verifier_does_not_bear_out_is_not_published(order):
    write_table(order.source, [["call 9123 4567", *row[1:]] for row in rows_of()])

    with pytest.raises(NotBorneOutError):
        publish(order, "tidegate test")

    assert ["in.csv"] == [path.name for path in order.out.parent.iterdir()]


def test_a_file_that_is_there_is_not_replaced_unasked(order):
    order.out.write_text("mine")

    with pytest.raises(FileExistsAlreadyError):
        publish(order, "tidegate test")

    assert "mine" == order.out.read_text()


@pytest.mark.parametrize("same", ["out", "report"])
def test_the_received_file_is_never_written_over(order, same):
    with pytest.raises(RecipeInvalidError) as refused:
        publish(replace(order, may_replace=True, **{same: order.source}), "tidegate test")

    assert "files_same" == refused.value.code


@pytest.mark.parametrize("place", ["deid.file_written", "deid.file_verified", "deid.report_named"])
def test_a_run_that_is_stopped_leaves_no_table_and_nothing_half_written(order, place):
    def stop():
        raise KeyboardInterrupt

    arm(place, stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            publish(order, "tidegate test")
    finally:
        disarm()

    left = {path.name for path in order.out.parent.iterdir()}
    assert {"in.csv"} == left - {"report.json"}
    assert ("report.json" in left) == (place == "deid.report_named")


def test_too_few_records_are_refused(order):
    write_table(order.source, rows_of(4))

    with pytest.raises(NotAnonymousError):
        publish(order, "tidegate test")

    assert not order.out.exists()


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (b"", "table_empty", ""),
        (b"note,age,dx\n", "table_empty", ""),
        (b"note,age,age\n1,2,3\n", "table_names", ""),
        (b"note,,dx\n1,2,3\n", "table_names", ""),
        (b"note,age,dx\na,SECRET,c\na,b\n\na,b,c,d\n", "table_fields", "3"),
        (b'note,age,dx\n"a\nb",SECRET,c\na,b\n', "table_fields", "4"),
        (b"note,age,dx\na,b,c\nSECRET,\xe9,c\n", "table_encoding", "3"),
        (b"\xff\xfenote", "table_encoding", ""),
        (b"\x1f\x8b\x08\x00", "table_encoding", ""),
        (b"PK\x03\x04", "table_encoding", ""),
        ("note,年龄,dx\na,b,c\n".encode("gb18030"), "table_encoding", "1"),
        (b"note,age,dx", "table_empty", ""),
        (b"note,a\x1b[31mge,dx\na,b,c\n", "table_names", ""),
        (b'note,"age\nyears",dx\na,b,c\n', "table_names", ""),
        (b"note,age,dx\na,b,c\na,SECRET\x00,c\n", "table_zero_byte", "3"),
        (b'note,age,dx\na,b,c\na,"' + b"x\n" * 70_000 + b"\n", "table_field_long", "3"),
        (b'note,age,dx\na,b,c\nSECRET,"b,c\n', "table_quotes", "3"),
        (b'note,"age"x,dx\na,b,c\n', "table_names", ""),
    ],
)
def test_a_malformed_file_is_refused_with_its_lines_and_without_values(order, text, code, line):
    order.source.write_bytes(text)
    columns = [
        {"name": "note", "role": "other"},
        {"name": "age", "role": "quasi_identifier"},
        {"name": "dx", "role": "sensitive"},
    ]

    with pytest.raises(TableUnreadableError) as refused:
        publish(replace(order, recipe=recipe_of(columns)), "tidegate test")

    assert (code, line) == (refused.value.code, refused.value.details.get("line", ""))
    assert "SECRET" not in refused.value.message
    assert not order.out.exists()


@pytest.mark.parametrize("columns", [COLUMNS[1:], [*COLUMNS, {"name": "x", "role": "other"}]])
def test_a_recipe_speaks_about_every_column_and_no_other(order, columns):
    with pytest.raises(RecipeInvalidError) as refused:
        publish(replace(order, recipe=recipe_of(columns)), "tidegate test")

    assert "recipe_columns" == refused.value.code


def test_another_delimiter_and_a_byte_order_mark_are_read(order):
    rows = [
        ["note", "age", "居住區", "dx"],
        *([cell.replace(",", "") for cell in r] for r in rows_of()),
    ]
    text = "\ufeff" + "\r\n".join(";".join(row) for row in rows)
    order.source.write_text(text, encoding="utf-8")

    publish(order, "tidegate test")

    assert order.out.read_text(encoding="utf-8").startswith("note;age;居住區;dx\n")


def test_the_report_holds_no_value_that_is_not_published(order):
    rows = rows_of()
    rows[7][1], rows[8][3] = "111", "Q89.7"
    write_table(order.source, rows)
    given = [[str(age), "adult", "*"] for age in [*range(20, 80), 111]]
    columns = [dict(each) for each in COLUMNS]
    columns[1]["hierarchy"] = {"kind": "given", "ordered": False, "rows": given}

    publish(replace(order, recipe=recipe_of(columns)), "tidegate test")

    told = order.report.read_text(encoding="utf-8")
    document = json.loads(told)["recipe"]["document"]["columns"][1]["hierarchy"]
    assert '"111"' not in told
    assert "Q89.7" not in told
    assert {"kind", "ordered", "unknown", "rows_sha256"} == set(document)


def test_a_population_is_read_and_the_criterion_about_it_holds(order, tmp_path):
    people = write_table(tmp_path / "people.csv", rows_of() * 3)
    asked = [
        {"criterion": "k_anonymity", "k": 5},
        {"criterion": "delta_presence", "least": 0, "most": "0.5"},
    ]

    outcome = publish(
        replace(order, recipe=recipe_of(criteria=asked), population=people), "tidegate test"
    )

    assert all(one["holds"] for one in outcome.report["criteria"])


def test_closeness_along_a_hierarchy_is_verified_with_the_published_values_alone(order):
    asked = [{"criterion": "t_closeness", "column": "dx", "t": "0.6", "distance": "hierarchical"}]

    outcome = publish(replace(order, recipe=recipe_of(criteria=asked)), "tidegate test")

    assert outcome.report["criteria"][0]["holds"]
    leaves = {row[0] for row in outcome.report["claim"]["criteria"][0]["hierarchy"]}
    assert {row[3] for row in rows_of()} == leaves


SPELT = ("HIV", "HIV ", "ＨＩＶ", "hiv")


def spelt(order, *criteria):
    """Ask for criteria on a column of two values, one of them in four spellings."""
    rows = [[*row[:3], SPELT[n % 4] if n % 6 else "J45"] for n, row in enumerate(rows_of())]
    write_table(order.source, rows)
    asked = [{"column": "dx", **one} for one in criteria]
    return replace(order, recipe=recipe_of(criteria=[{"criterion": "k_anonymity", "k": 5}, *asked]))


@pytest.mark.parametrize("method", ["local", "full_domain", "preview"])
def test_spellings_of_one_value_are_gathered_for_diversity(order, method):
    asked = spelt(order, {"criterion": "distinct_l", "l": 2})

    publish(replace(asked, recipe=replace(asked.recipe, method=Method(method))), "test")

    _, *rows = read_table(order.out)
    classes = {}
    for _, age, place, dx in rows:
        classes.setdefault((age, place), set()).add(dx == "J45")
    assert all(len(found) == 2 for found in classes.values())
    assert {*SPELT} < {row[3] for row in rows}, "what is published is as it was written"


def test_spellings_are_refused_where_distances_are_asked_for_too(order):
    asked = spelt(
        order,
        {"criterion": "distinct_l", "l": 2},
        {"criterion": "t_closeness", "t": "0.5", "distance": "equal"},
    )

    with pytest.raises(RecipeInvalidError) as refused:
        publish(asked, "test")

    assert "recipe_spellings" == refused.value.code


def test_progress_grows_to_the_end(order):
    seen = []

    publish(order, "tidegate test", lambda share, words: seen.append((share, words)))

    shares = [share for share, _ in seen]
    assert (sorted(shares), 1.0) == (shares, shares[-1])


def test_a_sample_counts_each_columns_values(order):
    received, columns = sample(order.source)

    assert (received.names, 120) == (tuple(columns), sum(columns["dx"].values()))


cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=5), st.sampled_from(",;\t|"))
def test_what_is_written_is_read_back_as_it_was(rows, delimiter):
    columns = [[row[0] for row in rows], [row[1] for row in rows]]

    text = _lines(columns, delimiter).decode()

    read = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    assert [list(row) for row in rows] == read


def test_a_single_empty_cell_is_a_record_still():
    assert [[""], ["a"]] == list(csv.reader(io.StringIO(_lines([["", "a"]], ",").decode())))


def test_identifiers_inside_text_are_struck_out(order):
    write_table(order.source, [["call 9123 4567", *row[1:]] for row in rows_of()])
    columns = [{"name": "note", "role": "other", "action": "scrub"}, *COLUMNS[1:]]

    publish(replace(order, recipe=recipe_of(columns)), "tidegate test")

    assert {"call [phone]"} == {row[0] for row in read_table(order.out)[1:]}


def test_a_published_file_is_not_called_parquet(order):
    with pytest.raises(RecipeInvalidError) as refused:
        publish(replace(order, out=order.out.with_suffix(".parquet")), "tidegate test")

    assert "files_form" == refused.value.code


def test_a_population_without_a_needed_column_is_refused(order, tmp_path):
    people = write_table(tmp_path / "people.csv", [["1", "2"]], ("note", "age"))
    asked = [{"criterion": "delta_presence", "least": 0, "most": "0.5"}]

    with pytest.raises(TableUnreadableError) as refused:
        publish(
            replace(order, recipe=recipe_of(criteria=asked), population=people), "tidegate test"
        )

    assert "table_column_missing" == refused.value.code


def test_records_that_fit_nowhere_are_left_out_and_counted(order):
    rows = [*rows_of(), ["alone", "79", "北區", "I99"]]
    write_table(order.source, rows)

    outcome = publish(
        replace(order, recipe=recipe_of(suppression="0.05", method="local")), "tidegate test"
    )

    assert len(rows) == outcome.published + outcome.suppressed
    assert outcome.published == len(read_table(order.out)) - 1


@pytest.mark.parametrize(
    ("cell", "is_refused"),
    [
        ("=HYPERLINK(1)", True), ("@SUM(A1)", True), ("\t=1", True), ("+cmd|' /C calc'!A0", True),
        ("-2+3+cmd|' /C calc'!A0", True), (" =1", True), ("-5", False), ("+ve", False),
        ("- no fever (yet)", False), ("<=16", False), ("a=b", False), ("--", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", [0, 3])
def test_cells_that_a_spreadsheet_would_run_are_refused_unless_kept(order, cell, is_refused, place):
    rows = rows_of()
    rows[5][place] = cell
    write_table(order.source, rows)

    if not is_refused:
        publish(order, "tidegate test")
        return
    with pytest.raises(TableUnreadableError) as refused:
        publish(order, "tidegate test")
    assert ("table_formulas", False) == (refused.value.code, order.out.exists())
    assert cell not in refused.value.message
    publish(replace(order, keep_formulas=True), "tidegate test")
    assert cell in {row[place] for row in read_table(order.out)}


def test_a_label_that_a_spreadsheet_would_run_is_refused(order):
    write_table(order.source, [[row[0], row[1], f"={row[2]}", row[3]] for row in rows_of()])

    with pytest.raises(TableUnreadableError, match="Cells of the column 居住區 begin as formulas"):
        publish(order, "tidegate test")
