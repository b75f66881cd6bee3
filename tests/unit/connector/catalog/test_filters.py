"""What a peer may ask to see of the catalogue, and what is refused rather than half understood."""

import pytest

from tidegate.connector.catalog.filters import EDC, LARGEST_PAGE, Wanted, read_filters
from tidegate.connector.messages.errors import MessageRefusedError


def query(**members):
    return {"@type": "QuerySpec", "limit": 50, "offset": 0, "sortOrder": "ASC", **members}


def criterion(left, operator, right):
    said = {"operandLeft": left, "operator": operator, "operandRight": right}
    return query(filterExpression=[{"@type": "Criterion", **said}])


def test_the_query_every_edc_sends_asks_for_everything_by_its_page():
    wanted = read_filters([query(filterExpression=[])])

    assert (wanted.offset, wanted.limit, wanted.is_everything) == (0, 50, True)


def test_nothing_said_is_everything():
    assert read_filters([]) == Wanted()


@pytest.mark.parametrize("left", [f"{EDC}id", "edc:id", "id", "@id"])
def test_an_edc_asks_for_one_dataset_by_its_id(left):
    wanted = read_filters([criterion(left, "=", "ds_2")])

    assert wanted.datasets == {"ds_2"}
    assert not wanted.is_everything


def test_criteria_narrow_each_other():
    wanted = read_filters([criterion("id", "in", ["ds_1", "ds_2"]), {"dataset": "ds_2"}])

    assert wanted.datasets == {"ds_2"}


@pytest.mark.parametrize(
    ("operator", "right", "texts"),
    [
        ("like", "%liver%", ("liver",)),
        ("ilike", "LIVER%cohort", ("LIVER", "cohort")),
        ("contains", "Liver", ("Liver",)),
    ],
)
def test_words_of_the_title_are_found_between_wildcards(operator, right, texts):
    wanted = read_filters([criterion(f"{EDC}name", operator, right)])

    assert wanted.texts == texts
    assert not wanted.is_everything


def test_a_page_has_an_end():
    assert read_filters([query(limit=10**9)]).limit == LARGEST_PAGE


@pytest.mark.parametrize(
    "foreign",
    [
        query(sortOrder="DESC"),
        query(sortField="x"),
        query(offset=-1),
        query(limit=True),
        query(limit="5"),
        query(filterExpression="x"),
        criterion(f"{EDC}contenttype", "=", "a"),
        criterion("id", "!=", "a"),
        criterion("id", "=", 5),
        criterion(["id"], "=", "a"),
        {"@type": "Other"},
        {"dataset": ""},
    ],
)
def test_what_is_not_understood_is_refused(foreign):
    with pytest.raises(MessageRefusedError) as refused:
        read_filters([foreign])
    assert refused.value.code == "filter_unsupported"


@pytest.mark.parametrize(
    "filters",
    [
        [{"text": f"word {number}"} for number in range(17)],
        [criterion("id", "in", [f"ds_{number}" for number in range(501)])],
        [query(offset=10**9 + 1)],
    ],
)
def test_a_filter_that_would_cost_too_much_is_refused(filters):
    with pytest.raises(MessageRefusedError, match="follow the pages"):
        read_filters(filters)
