"""Bitstring status lists, against a naive twin."""

import base64
import gzip
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.connector.errors import CredentialInvalidError
from tidegate.connector.identity.status_list import (
    LIST_BITS,
    decode_list,
    encode_list,
    is_set,
    order_of,
    place_of,
)


def packed(raw: bytes) -> str:
    return "u" + base64.urlsafe_b64encode(gzip.compress(raw, mtime=0)).rstrip(b"=").decode()


def naive(indexes) -> str:
    """Write the list as a text of zeros and ones, the first entry at the left."""
    bits = ["0"] * LIST_BITS
    for index in indexes:
        bits[index] = "1"
    return "".join(bits)


@settings(max_examples=15)
@given(st.sets(st.integers(0, LIST_BITS - 1), max_size=20))
def test_the_list_agrees_with_its_naive_twin(indexes):
    bits = decode_list(encode_list(indexes))

    assert naive(indexes) == bin(int.from_bytes(b"\x01" + bits))[3:]
    assert all(is_set(bits, index) for index in indexes)


def test_the_first_entry_is_the_leftmost_bit():
    assert 0x80 == decode_list(encode_list([0]))[0]


def test_the_list_has_the_minimum_size_of_the_standard():
    assert 131_072 == len(decode_list(encode_list([]))) * 8


@pytest.mark.parametrize("index", [-1, LIST_BITS])
def test_there_is_no_place_outside(index):
    with pytest.raises(ValueError, match="no place"):
        encode_list([index])
    with pytest.raises(CredentialInvalidError):
        is_set(bytes(LIST_BITS // 8), index)


@pytest.mark.parametrize(
    "text",
    ["", "H4sI", "u!!", "uAAAA", packed(bytes(16))[:-4], packed(bytes(2048)), "u" + "A" * 2**21],
)
def test_what_is_no_list_is_refused(text):
    with pytest.raises(CredentialInvalidError):
        decode_list(text)


def test_a_compression_bomb_is_refused():
    with pytest.raises(CredentialInvalidError, match="too large"):
        decode_list(packed(bytes(64 * 1024 * 1024)))


def test_every_credential_gets_a_place_of_its_own_and_the_places_tell_no_order():
    places = [place_of(count, b"key") for count in range(3000)]
    indexes = [index for _, index in places]

    assert 3000 == len(set(places))
    assert {0} == {number for number, _ in places}
    assert all(0 <= index < LIST_BITS for index in indexes)
    assert abs(sum(a < b for a, b in pairwise(indexes)) - 1500) < 150
    assert places != [place_of(count, b"other") for count in range(3000)]


def test_a_whole_list_is_filled_without_a_gap():
    order = order_of(1, b"key")
    places = [order(index) for index in range(LIST_BITS)]

    assert [*range(LIST_BITS)] == sorted(places)
    for index in range(0, LIST_BITS, 1009):
        assert (1, places[index]) == place_of(LIST_BITS + index, b"key")


def test_the_older_form_of_a_list_is_read_without_its_prefix():
    text = encode_list([5])

    assert is_set(decode_list(text.removeprefix("u"), is_older=True), 5)
    with pytest.raises(CredentialInvalidError):
        decode_list(text.removeprefix("u"))
