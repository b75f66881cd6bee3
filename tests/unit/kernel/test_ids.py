"""Ids are readable, unique and ordered by time."""

import re

from tidegate.kernel.ids import RandomIds, base32, secret_token


def test_an_id_has_its_prefix_and_26_characters():
    assert re.fullmatch(r"ds_[0-9a-hjkmnp-tv-z]{26}", RandomIds().new("ds"))


def test_ids_do_not_repeat():
    ids = RandomIds()

    assert len({ids.new("x") for _ in range(1000)}) == 1000


def test_base32_keeps_the_order_of_numbers():
    numbers = [0, 1, 31, 32, 2**64, 2**127]

    assert sorted(base32(n) for n in numbers) == [base32(n) for n in numbers]


def test_a_urn_is_a_random_uuid():
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", RandomIds().urn())


def test_a_secret_has_the_asked_for_entropy():
    assert len(secret_token(32)) == 43
