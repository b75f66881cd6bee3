"""Break one guarantee of a published file at a time: the verifier sees each."""

import pytest

from tidegate.deid.verifier.service import verify
from unit.deid.verifier.tables import claim_of, of, write_csv

NAMES = ("age", "sex", "illness", "note")
ILLS = ("flu", "cold", "gout", "flu", "cold", "gout")
ROWS = [(age, sex, ill, "none") for age in ("20-29", "30-39") for sex in "FM" for ill in ILLS]
CRITERIA = (
    of("k_anonymity", k=6),
    of("distinct_l", column="illness", l=3),
    of("entropy_l", column="illness", l=3),
    of("recursive_l", column="illness", c="1.1", l=2),
    of("t_closeness", column="illness", t=0, distance="equal"),
    of("t_closeness", column="illness", t=0, distance="ordered", order=["cold", "flu", "gout"]),
    of("risk", attacker="prosecutor", most="1/6"),
    of("risk", attacker="marketer", most="1/6"),
)


def judge(path, names, rows, **other):
    other = {"columns": NAMES, "received": 24} | other
    return verify(write_csv(path / "t.csv", names, rows), claim_of(rows, *CRITERIA, **other))


def swapped(rows, place, column, text):
    row = (*rows[place][:column], text, *rows[place][column + 1 :])
    return [*rows[:place], row, *rows[place + 1 :]]


def test_the_whole_file_bears_out_the_claim(tmp_path):
    assert () == judge(tmp_path, NAMES, ROWS).faults


@pytest.mark.parametrize(
    ("rows", "codes"),
    [
        (ROWS[1:], {"records_lost", "unmet_k_anonymity", "unmet_risk"}),
        ([*ROWS, ROWS[0]], {"records_lost", "unmet_entropy_l", "unmet_t_closeness"}),
        (swapped(ROWS, 0, 0, "29"), {"unmet_k_anonymity", "unmet_distinct_l", "unmet_risk"}),
        (swapped(ROWS, 0, 0, "20-29 "), {"unmet_k_anonymity", "unmet_risk"}),
        (swapped(ROWS, 0, 0, ""), {"unmet_k_anonymity", "unmet_risk"}),
        (swapped(ROWS, 0, 1, "M"), {"unmet_k_anonymity"}),
        (swapped(ROWS, 0, 2, "cold"), {"unmet_entropy_l", "unmet_t_closeness"}),
        (
            swapped(swapped(ROWS, 0, 2, "cold"), 3, 2, "cold"),
            {"unmet_distinct_l", "unmet_entropy_l", "unmet_recursive_l", "unmet_t_closeness"},
        ),
        (swapped(ROWS, 5, 3, "call 9123 4567"), {"identifier_left"}),
        (swapped(ROWS, 5, 3, "A123456(3)"), {"identifier_left"}),
        (swapped(ROWS, 5, 3, "身份证11010519491231002X"), {"identifier_left"}),
        (swapped(ROWS, 5, 3, "chan@example.org"), {"identifier_left"}),
    ],
)
def test_a_changed_record_is_seen(tmp_path, rows, codes):
    found = {fault.code for fault in judge(tmp_path, NAMES, rows).faults}

    assert codes <= found
    assert ("records_lost" in codes) == ("records_lost" in found)


@pytest.mark.parametrize("place", range(len(ROWS)))
@pytest.mark.parametrize("column", [0, 1, 2])
def test_any_single_cell_that_becomes_another_value_is_seen(tmp_path, place, column):
    text = "other" if column < 2 else ILLS[(place + 1) % 6]

    assert judge(tmp_path, NAMES, swapped(ROWS, place, column, text)).faults


def test_other_names_another_order_and_other_bytes_are_seen(tmp_path):
    turned = [(sex, age, ill, note) for age, sex, ill, note in ROWS]

    order = judge(tmp_path, ("sex", "age", "illness", "note"), turned)
    name = judge(tmp_path, ("age", "sex", "illness", "full name"), ROWS)
    whole = judge(tmp_path, NAMES, ROWS, sha256="0" * 64)

    assert ["other_columns"] == [fault.code for fault in order.faults]
    assert ["other_columns", "identifier_name"] == [fault.code for fault in name.faults]
    assert ["other_bytes"] == [fault.code for fault in whole.faults]


def test_more_suppression_than_allowed_and_a_false_count_are_seen(tmp_path):
    kept, limit = ROWS[6:], {"suppression": "0.2"}

    more = judge(tmp_path, NAMES, kept, suppressed=6, **limit)
    hidden = judge(tmp_path, NAMES, kept, suppressed=2, **limit)
    negative = judge(tmp_path, NAMES, ROWS, suppressed=-1, received=23)

    assert ["suppression_exceeded"] == [fault.code for fault in more.faults]
    assert ["records_lost", "suppression_exceeded"] == [fault.code for fault in hidden.faults]
    assert ["records_lost"] == [fault.code for fault in negative.faults]


def test_faults_name_columns_and_counts_and_no_value(tmp_path):
    rows = swapped(swapped(ROWS, 5, 3, "chan@example.org"), 0, 0, "29")

    words = " ".join(fault.words for fault in judge(tmp_path, NAMES, rows).faults)

    assert "note" in words
    assert not any(value in words for value in ("chan", "29", "flu"))
