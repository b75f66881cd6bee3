"""Forms: read with care, and only from this site."""

import pytest

from tidegate.kernel.errors import InvalidError
from tidegate.web.forms import Form, FormForgedError, check_token, make_token
from tidegate.web.pages.asking import QueryFormError, read_form, read_value

KEY = b"k" * 32


def form(**fields):
    return Form(
        {name: value if isinstance(value, tuple) else (value,) for name, value in fields.items()}
    )


def test_a_token_fits_only_its_browser():
    check_token(KEY, "seed", make_token(KEY, "seed"))
    for seed, given in (
        ("other", make_token(KEY, "seed")),
        ("seed", ""),
        ("", make_token(KEY, "")),
        ("seed", "é"),
    ):
        with pytest.raises(FormForgedError):
            check_token(KEY, seed, given)


@pytest.mark.parametrize("text", ["²", "٣", "1" * 5000, "9" * 16, "--1", "1e3", " "])
def test_what_is_no_plain_whole_number_is_refused(text):
    with pytest.raises(InvalidError):
        form(months=text).whole("months")


def test_fields_are_read_without_blanks():
    assert "x" == form(a="  x ").text("a")
    assert "" == form().text("a")


def test_a_required_field_must_be_filled():
    with pytest.raises(InvalidError, match="reason"):
        form(reason=" ").required("reason")


def test_an_endless_field_is_refused():
    with pytest.raises(InvalidError):
        form(a="x" * 30_000).text("a")


def test_whole_numbers_are_whole():
    assert 7 == form(a="7").whole("a")
    assert 3 == form().whole("a", 3)
    with pytest.raises(InvalidError):
        form(a="7.5").whole("a")


def test_lists_come_from_lines_commas_and_boxes():
    assert ("a", "b", "c") == form(a="a, b\nc,").lines("a")
    assert ("x", "y") == form(a=("x", " y", "")).every("a")


@pytest.mark.parametrize(
    ("text", "value"), [("45", 45), ("-3", -3), ("27.5", "27.5"), ("true", True), ("abc", "abc")]
)
def test_values_are_read_by_their_look(text, value):
    assert value == read_value(text)


def test_an_empty_cohort_is_everybody():
    assert {"kind": "count", "cohort": {"kind": "everyone"}} == read_form(form(kind="count"))


def test_conditions_are_joined_and_groups_cut():
    query = read_form(
        form(
            kind="cross_table",
            c0_column="t.age",
            c0_op="ge",
            c0_value="40",
            c2_column="t.male",
            c2_value="1",
            rows_column="t.age",
            rows_bands="50, 60",
            columns_column="t.male",
        )
    )

    assert "and" == query["cohort"]["kind"]
    assert [50, 60] == query["rows"]["bands"]


def test_a_survival_curve_needs_its_time_and_event():
    query = read_form(
        form(
            kind="kaplan_meier",
            time="t.futime",
            event_column="t.status",
            event_value="1",
            curve_column="t.male",
        )
    )

    assert 30 == query["every"]
    assert "t" == query["event"]["condition"]["table"]
    assert "by" in query


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": ""},
        {"kind": "count", "by_column": "age"},
        {"kind": "count", "c0_column": "t.a", "c0_op": "like", "c0_value": "1"},
        {"kind": "cross_table", "rows_column": "t.a"},
        {"kind": "kaplan_meier", "time": "t.futime"},
    ],
)
def test_a_form_that_adds_up_to_no_query_says_what_is_missing(fields):
    with pytest.raises(QueryFormError):
        read_form(form(**fields))
