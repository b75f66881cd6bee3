"""Acquisition: every row received is accepted or quarantined, whatever the file is like."""

import csv
import gzip
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rooms.commons.commons_world import COMMITTEE, RESEARCHER, STEWARD, hk_id, make_commons
from tidegate.access.errors import RoleMissingError
from tidegate.catalogue.model import ColumnRole
from tidegate.commons.acquisition.records import BrokenRecordError, Dialect, RecordReader, Reject
from tidegate.commons.acquisition.sources import FileSource, table_name
from tidegate.commons.errors import DescriptorInvalidError, FileRefusedError
from tidegate.commons.parquet import read_batches, read_table
from tidegate.kernel import failpoint


@pytest.fixture(autouse=True)
def _disarmed():
    yield
    failpoint.disarm()


def counts(report):
    return report.received, report.accepted, report.quarantined


def column(commons, report, table, name):
    return (
        commons.catalogue.get_version(report.version).codebook.find_table(table).find_column(name)
    )


def rows_of(commons, report, which="intake"):
    holding = commons.holdings.get_holding(report.version)
    return [
        row
        for table in getattr(holding, which)
        for batch in read_batches(commons.vault, table.stored)
        for row in batch.to_pylist()
    ]


def test_good_rows_are_all_accepted(commons):
    report = commons.acquire(commons.write("t.csv", "a,b\n1,x\n2,y\n"))

    assert (2, 2, 0) == counts(report)
    assert [{"a": "1", "b": "x"}, {"a": "2", "b": "y"}] == rows_of(commons, report)


BAD_ROWS = (
    (b"1", "too_few_fields"),
    (b"1,2,3", "too_many_fields"),
    (b"", "empty_line"),
    (b"1,\x00", "nul_byte"),
    (b"1,\xff\xfe", "undecodable_bytes"),
    (b'1,"a"b', "stray_quote"),
    (b'1,a"b', "unterminated_quote"),
    (b'1,"open', "unterminated_quote"),
    (b"1,a\rb", "bare_carriage_return"),
    (b"1," + b"x" * (1024 * 1024 + 1), "field_too_long"),
    (b"1," + b"x" * (4 * 1024 * 1024 + 1), "record_too_long"),
)


def test_a_bad_row_is_quarantined_with_its_reason_and_the_rest_goes_on(commons):
    for bad, reason in BAD_ROWS:
        report = commons.acquire(commons.write("t.csv", b"a,b\n1,x\n" + bad + b"\n2,y\n"))

        assert (3, 2, 1) == counts(report), reason
        assert ((reason, 1),) == report.reasons
        kept = rows_of(commons, report, "quarantine")
        assert [(3, reason)] == [(row["line"], row["reason"]) for row in kept]


def test_a_quarantined_row_is_encrypted_and_logged_nowhere(commons):
    commons.acquire(commons.write("t.csv", "a,b\nCHAN-TAI-MAN-SECRET\n"))

    assert b"CHAN-TAI-MAN-SECRET" not in commons.raw_bytes()


def test_quoted_fields_keep_commas_quotes_and_line_ends(commons):
    text = 'a,b\n"1,5","say ""hi""\nthere"\r\n2,plain\r\n'
    report = commons.acquire(commons.write("t.csv", text))

    assert (2, 2, 0) == counts(report)
    assert {"a": "1,5", "b": 'say "hi"\nthere'} == rows_of(commons, report)[0]


def test_the_mark_of_utf8_wins_over_another_encoding_that_was_declared(commons):
    text = b"\xef\xbb\xbf" + "姓名,年龄\n陈大文,5\n".encode()
    report = commons.acquire(commons.write("t.csv", text), encoding="gb18030")

    assert {"姓名": "陈大文", "年龄": "5"} == rows_of(commons, report)[0]


def test_two_files_whose_names_differ_by_case_alone_are_refused(commons):
    with pytest.raises(FileRefusedError) as refusal:
        commons.acquire(commons.write("Labs.csv", b"a\n1\n"), commons.write("labs.csv", b"a\n1\n"))

    assert "files_names" == refusal.value.code


UNREADABLE = (
    (b"", "empty_file"),
    (b"a,a\n1,2\n", "duplicate_column"),
    (",".join(f"c{n}" for n in range(100_000)).encode(), "too_many_columns"),
    (b"PK\x03\x04rest of a workbook", "spreadsheet"),
    ("a,b\n1,2\n".encode("utf-16"), "encoding_utf16"),
    ("姓名,年龄\n".encode("gb18030") + "陈大文,5\n".encode("gb18030") * 20, "encoding_undeclared"),
    (b"a,\x00b\n", "header_nul_byte"),
    (b"Age,age\n1,2\n", "duplicate_column"),
    ("a,b\u202ec\n1,2\n".encode(), "header_control_character"),
    (b"a," + b"x" * 201 + b"\n1,2\n", "header_too_long"),
    (b"A123456(3),Chan Tai Man,55\nB123456(9),Li Si,60\n", "header_identifies"),
    (b'a,"b\n', "header_unterminated_quote"),
    (b"a,b\x01\n1,2\n", "header_control_character"),
    (gzip.compress(b"a,b\n" + b"1,2\n" * 5000, mtime=0)[:-20], "damaged_gzip"),
    (b"a,b\n", "no_rows"),
    (b"PAR1 is not all it takes", "damaged_parquet"),
)


def test_a_file_that_cannot_be_read_is_refused_and_leaves_nothing(commons):
    for content, code in UNREADABLE:
        with pytest.raises(FileRefusedError) as refusal:
            commons.acquire(commons.write("t.csv", content))

        assert code == refusal.value.code
        assert () == commons.holdings.list_holdings()
        assert () == commons.vault.keys.names()
        assert "version.acquisition_refused" == commons.events()[-1]


def test_an_empty_table_beside_one_with_rows_is_taken_and_so_are_rows_that_are_all_quarantined(
    commons,
):
    files = [commons.write("one.csv", b"a\n1\n"), commons.write("none.csv", b"b\n")]

    taken = commons.acquire(*files)
    spoiled = commons.acquire(commons.write("bad.csv", b"a,b\n1\n"))

    assert (taken.received, taken.accepted) == (1, 1)
    assert (spoiled.received, spoiled.accepted, spoiled.quarantined) == (1, 0, 1)


def test_a_declared_encoding_is_read(commons):
    source = commons.write("t.csv", "姓名,年龄\n陈大文,51\n".encode("gb18030"))
    report = commons.acquire(source, encoding="gb18030")

    assert [{"姓名": "陈大文", "年龄": "51"}] == rows_of(commons, report)
    assert ColumnRole.DIRECT_IDENTIFIER == column(commons, report, "t", "姓名").role


def test_an_unknown_encoding_is_refused(commons):
    with pytest.raises(FileRefusedError, match="not an encoding"):
        commons.acquire(commons.write("t.csv", "a\n1\n"), encoding="klingon")


def test_a_byte_order_mark_other_delimiters_and_nameless_columns_are_understood(commons):
    report = commons.acquire(commons.write("t.csv", b"\xef\xbb\xbfa;;case.id\n1;x;2\n"))

    assert [{"a": "1", "column_2": "x", "case.id": "2"}] == rows_of(commons, report)


def test_several_tables_in_several_forms_make_one_dataset(commons, ground):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"k": [1, None], "d": pa.array([1.5, 2.0])}), ground.home / "p.parquet")
    zipped = commons.write("z.csv.gz", gzip.compress(b"a\n1\nNA\n", mtime=0))
    report = commons.acquire(zipped, FileSource(ground.home / "p.parquet"))

    assert ("z", "p") == report.tables
    assert (4, 4, 0) == counts(report)
    assert {"k": None, "d": "2"} == rows_of(commons, report)[-1] or "2.0" == rows_of(
        commons, report
    )[-1]["d"]


def test_no_number_in_parquet_is_missing_like_an_empty_cell(commons, ground):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"w": [1.5, float("nan"), None]}), ground.home / "p.parquet")

    report = commons.acquire(FileSource(ground.home / "p.parquet"))

    (column,) = commons.catalogue.get_version(report.version).codebook.tables[0].columns
    assert ("number", 2) == (column.type, column.missing)


def test_nested_parquet_is_refused(commons, ground):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"k": [[1], [2]]}), ground.home / "p.parquet")

    with pytest.raises(FileRefusedError, match="nested"):
        commons.acquire(FileSource(ground.home / "p.parquet"))


def test_two_files_of_one_name_and_no_file_are_refused(commons):
    source = commons.write("t.csv", "a\n1\n")

    with pytest.raises(FileRefusedError):
        commons.acquire(source, source)
    with pytest.raises(FileRefusedError):
        commons.acquire()


def test_a_missing_file_is_refused(commons, ground):
    descriptor = commons.acquisition.read_descriptor({}, title="x")

    with pytest.raises(FileRefusedError, match="cannot be read"):
        commons.acquisition.acquire_files([ground.home / "no.csv"], descriptor, by=STEWARD)


def test_only_a_steward_acquires(commons):
    with pytest.raises(RoleMissingError):
        commons.acquire(commons.write("t.csv", "a\n1\n"), by=RESEARCHER)


def test_types_ranges_and_categories_are_measured_without_showing_a_person(commons):
    lines = [f"{n},{'FM'[n % 2]},{n / 2},2020-01-{n % 28 + 1:02d}" for n in range(100)]
    lines += ["1000,X,900.5,2020-02-01"]
    report = commons.acquire(commons.write("t.csv", "n,sex,v,d\n" + "\n".join(lines) + "\n"))

    n, sex = column(commons, report, "t", "n"), column(commons, report, "t", "sex")
    assert ("integer", "number", "date") == (
        n.type,
        column(commons, report, "t", "v").type,
        column(commons, report, "t", "d").type,
    )
    assert ("9", "91") == (n.minimum, n.maximum)
    assert [("F", 50), ("(other)", 51)] == [(c.value, c.count) for c in sex.categories]


def test_identifiers_show_no_values_and_are_found_by_their_check_digits(commons):
    lines = "".join(f"{hk_id('B', 200000 + n)},x{n % 2}\n" for n in range(40))
    report = commons.acquire(commons.write("t.csv", "code,person_id\n" + lines))

    code = column(commons, report, "t", "code")
    assert (ColumnRole.DIRECT_IDENTIFIER, "hk_id", ()) == (
        code.role,
        code.identifier_kind,
        code.categories,
    )
    assert () == column(commons, report, "t", "person_id").categories
    assert "t/code=direct_identifier:hk_id (by values)" in report.suggestions


def test_declared_roles_win_over_detection(commons):
    source = commons.write("t.csv", "id,name,age\n1,x,5\n")
    report = commons.acquire(
        source,
        roles=("t/id=other", "age=measure"),
        columns={"name": {"role": "other", "label": {"en": "Ward"}}, "age": {"unit": "years"}},
    )

    assert ColumnRole.OTHER == column(commons, report, "t", "id").role
    assert "Ward" == column(commons, report, "t", "name").label.en
    age = column(commons, report, "t", "age")
    assert (ColumnRole.MEASURE, "years") == (age.role, age.unit)


MISTAKES = (
    {"nonsense": 1},
    {"columns": []},
    {"keywords": "x"},
    {"missing": [1]},
    {"retain_years": "ten"},
    {"columns": {"a": {"role": "king"}}},
    {"columns": {"a": {"colour": "red"}}},
    {"columns": {"b": {"role": "other"}}},
    {"columns": {"u/a": {"role": "other"}}},
    {"title": {"fr": "foie"}},
    {"encoding": 5},
)


def test_a_descriptor_with_a_mistake_is_refused(commons):
    for document in MISTAKES:
        with pytest.raises(DescriptorInvalidError):
            commons.acquire(commons.write("t.csv", "a\n1\n"), **document)


def test_a_role_without_an_equals_sign_is_refused(commons):
    with pytest.raises(DescriptorInvalidError):
        commons.acquire(commons.write("t.csv", "a\n1\n"), roles=("a",))


def test_a_dataset_needs_a_title(commons):
    descriptor = commons.acquisition.read_descriptor({})

    with pytest.raises(Exception, match="title"):
        commons.acquisition.acquire([commons.write("t.csv", "a\n1\n")], descriptor, by=STEWARD)


def test_a_second_acquisition_makes_a_second_version(commons):
    first = commons.acquire(commons.write("t.csv", "a\n1\n"))
    descriptor = commons.acquisition.read_descriptor({}, title="x")
    second = commons.acquisition.acquire(
        [commons.write("t.csv", "a\n2\n")], descriptor, by=STEWARD, dataset_id=first.dataset
    )

    assert [1, 2] == [v.number for v in commons.catalogue.list_versions(first.dataset)]
    assert first.dataset == second.dataset


class KilledError(BaseException):
    """The process stops here."""


def _kill():
    raise KilledError


@pytest.mark.parametrize("place", ["acquire.batch", "vault.publish", "acquire.commit"])
def test_a_kill_before_the_commit_leaves_nothing_after_the_next_start(commons, ground, place):
    source = commons.write("t.csv", "a,b\nSECRET-ROW,1\nbroken\n")
    failpoint.arm(place, _kill)
    with pytest.raises(KilledError):
        commons.acquire(source)
    failpoint.disarm()

    again = make_commons(ground)
    again.acquisition.recover()

    assert () == again.holdings.list_holdings()
    assert () == again.vault.keys.names()
    assert b"SECRET-ROW" not in again.raw_bytes()


@pytest.mark.parametrize("place", ["acquire.acknowledge", "vault.intent.release"])
def test_a_kill_after_the_commit_loses_nothing(commons, ground, place):
    source = commons.write("t.csv", "a\n1\n")
    failpoint.arm(place, _kill)
    with pytest.raises(KilledError):
        commons.acquire(source)
    failpoint.disarm()

    again = make_commons(ground)
    again.acquisition.recover()

    (holding,) = again.holdings.list_holdings()
    assert 1 == read_table(again.vault, holding.intake[0].stored).num_rows


def test_uploads_are_encrypted_as_they_come_and_gone_once_acquired(commons):
    upload = commons.acquisition.receive_upload(
        "../x/t.csv", [b"a,b\nSECRET", b"-ROW,1\n"], by=STEWARD
    )
    assert "t.csv" == upload.name
    assert b"SECRET-ROW" not in commons.raw_bytes()

    descriptor = commons.acquisition.read_descriptor({}, title="x")
    report = commons.acquisition.acquire_uploads([upload.id], descriptor, by=STEWARD)

    assert (1, 1, 0) == counts(report)
    assert commons.vault.keys.is_destroyed(upload.id)
    assert () == commons.vault.list(upload.id)


def test_an_upload_is_its_owners_and_waits_a_day(commons, ground):
    upload = commons.acquisition.receive_upload("t.csv", [b"a\n1\n"], by=STEWARD)
    descriptor = commons.acquisition.read_descriptor({}, title="x")
    other = type(STEWARD)("person:per_eve", "Eve", STEWARD.roles)

    with pytest.raises(FileRefusedError):
        commons.acquisition.acquire_uploads([upload.id], descriptor, by=other)
    assert 0 == commons.acquisition.drop_old_uploads()
    ground.clock.advance(hours=25)
    assert 1 == commons.acquisition.drop_old_uploads()
    assert commons.vault.keys.is_destroyed(upload.id)


def test_an_upload_needs_a_name_and_a_steward(commons):
    with pytest.raises(FileRefusedError):
        commons.acquisition.receive_upload(".hidden", [b""], by=STEWARD)
    with pytest.raises(RoleMissingError):
        commons.acquisition.receive_upload("t.csv", [b""], by=COMMITTEE)


@pytest.mark.parametrize(
    ("file", "table"),
    [("nafld2.csv.gz", "nafld2"), ("a.b.csv", "a.b"), ("x", "x"), (".csv", ".csv")],
)
def test_a_file_names_its_table(file, table):
    assert table == table_name(file)


cells = st.text(alphabet='ab,"\n é陳', max_size=6)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(cells, min_size=2, max_size=2), max_size=8))
def test_what_the_csv_module_writes_is_read_back_whole(rows):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([["x", "y"], *rows])
    reader = RecordReader(io.BytesIO(out.getvalue().encode()), Dialect())
    reader.header()

    assert rows == list(reader)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(alphabet='a,"é', max_size=8), max_size=10))
def test_any_lines_are_all_accounted_for(lines):
    content = "x,y\n" + "".join(line + "\n" for line in lines)
    reader = RecordReader(io.BytesIO(content.encode()), Dialect())
    reader.header()
    records = list(reader)

    spanned = sum(
        1 if isinstance(r, Reject) else 1 + sum(field.count("\n") for field in r) for r in records
    )
    assert len(lines) == spanned


def test_a_file_without_a_header_line_has_no_columns():
    with pytest.raises(BrokenRecordError, match="empty_file"):
        RecordReader(io.BytesIO(b""), Dialect()).header()


@pytest.mark.parametrize("name", ["a\x00.csv", "a\nb.csv", "a\u202evsc.exe", "x" * 300 + ".csv"])
def test_a_file_name_that_deceives_is_refused(commons, name):
    with pytest.raises(FileRefusedError):
        commons.acquisition.receive_upload(name, [b"a\n1\n"], by=STEWARD)


def test_an_upload_that_breaks_off_leaves_neither_bytes_nor_a_key(ground, commons):
    def breaking():
        yield b"a\n1\n"
        raise ConnectionError

    before = set(commons.vault.keys.names())
    with pytest.raises(ConnectionError):
        commons.acquisition.receive_upload("t.csv", breaking(), by=STEWARD)

    assert before == set(commons.vault.keys.names())
    left = [path for path in (ground.home / "vault" / "objects").rglob("*") if path.is_file()]
    assert [] == left
