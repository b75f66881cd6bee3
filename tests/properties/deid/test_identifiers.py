"""Direct identifiers are found by their check digits, inside text too, and nothing else is."""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.deid.identifiers import is_cn_id, is_hk_id, scrub
from unit.deid.test_identifiers import VALID_HK


@given(st.integers(0, 999_999), st.sampled_from("ABCXYZ"))
def test_exactly_one_check_digit_holds(digits, letter):
    holding = [c for c in "0123456789A" if is_hk_id(letter, f"{digits:06d}", c)]

    assert 1 == len(holding)


@given(st.dates(date(1950, 1, 1), date(1999, 12, 31)), st.integers(0, 999))
def test_exactly_one_check_character_holds(born, order):
    first17 = f"440105{born:%Y%m%d}{order:03d}"

    assert 1 == sum(is_cn_id(first17 + c) for c in "0123456789X")


@settings(deadline=None)
@given(st.text(alphabet="ab 陳,.", max_size=20), st.text(alphabet="ab 陳,.", max_size=20))
def test_a_card_hidden_between_words_is_always_found(before, after):
    text, found = scrub(f"{before} {VALID_HK[0]} {after}")

    assert (1, True) == (found, VALID_HK[0] not in text)
