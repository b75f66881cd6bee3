"""Several spellings of one value are no diversity, whoever wrote the table."""

import pytest

from tidegate.deid.spellings import meaning
from tidegate.deid.verifier.service import verify
from unit.deid.verifier.tables import batches_of, claim_of, of

NAMES = ("age", "sex", "illness")
ALIKE = [
    ("HIV", "HIV "),
    ("HIV", "hiv"),
    ("HIV", "ＨＩＶ"),
    ("HIV", "HI\u200bV"),
    ("type  2", "type\u00a02"),
    ("caf\u00e9", "cafe\u0301"),
    ("1", "1.0"),
    ("1", "01"),
    ("-0", "0.00"),
    ("1", "+１"),
    ("110105194912310021", "0110105194912310021.0"),
    ("", "N/A"),
    ("null", "-"),
]
APART = [
    ("HIV", "HBV"),
    ("1", "-1"),
    ("1", "10"),
    ("0.1", "0.01"),
    ("I10", "I1.0"),
    ("1" * 40, "1" * 39 + "2"),
    ("", "0"),
]
KINDS = (
    of("distinct_l", column="illness", l=2),
    of("entropy_l", column="illness", l="1.5"),
    of("recursive_l", column="illness", c=3, l=2),
)


def judge(first, second, criterion):
    rows = [("20-29", "F", first), ("20-29", "F", second)] * 3
    return verify(batches_of(NAMES, rows), claim_of(rows, criterion)).criteria[0]


@pytest.mark.parametrize("criterion", KINDS)
@pytest.mark.parametrize(("first", "second"), ALIKE)
def test_spellings_of_one_value_count_once(first, second, criterion):
    assert not judge(first, second, criterion).holds


@pytest.mark.parametrize("criterion", KINDS)
@pytest.mark.parametrize(("first", "second"), APART)
def test_different_values_count_each(first, second, criterion):
    assert judge(first, second, criterion).holds


@pytest.mark.parametrize(("first", "second"), [*ALIKE, *APART])
def test_the_engine_gathers_what_the_verifier_does(first, second):
    alike = (first, second) in ALIKE

    assert alike == (meaning(first) == meaning(second))
