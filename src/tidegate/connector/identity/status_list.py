"""Bitstring Status List 1.0 (W3C): one bit a credential, left to right, gzip, base64url.

The list has at least 131,072 entries (§6.1, herd privacy); its text form begins with `u`. Its
ancestor StatusList2021 is the same without the `u`.
"""

import base64
import binascii
import gzip
import hmac
import zlib
from collections.abc import Callable, Iterable
from functools import cache

from tidegate.connector.errors import CredentialInvalidError

LIST_BITS = 131_072
_MOST_BYTES = 4 * 1024 * 1024
_MOST_TEXT = 1024 * 1024
_HALF = 9
_MASK = (1 << _HALF) - 1


def encode_list(indexes: Iterable[int]) -> str:
    """Return the text form of a list in which exactly these bits are set.

    Raises:
        ValueError: an index lies outside the list.
    """
    bits = bytearray(LIST_BITS // 8)
    for index in indexes:
        if not 0 <= index < LIST_BITS:
            raise ValueError(f"the list has no place {index}")
        bits[index // 8] |= 0x80 >> (index % 8)
    packed = gzip.compress(bytes(bits), mtime=0)
    return "u" + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode_list(text: str, *, is_older: bool = False) -> bytes:
    """Return the bits of a list; refuse lists below the minimum and compression bombs.

    `is_older`: a list of StatusList2021, whose text may lack the prefix and be plain base64.

    Raises:
        CredentialInvalidError: the text is no status list.
    """
    if len(text) > _MOST_TEXT or not (is_older or text.startswith("u")):
        raise _bad("The status list is not in base64url with the prefix u.")
    plain = text.removeprefix("u").rstrip("=").replace("+", "-").replace("/", "_")
    try:
        packed = base64.urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
        unpacker = zlib.decompressobj(wbits=31)
        bits = unpacker.decompress(packed, _MOST_BYTES)
    except (binascii.Error, ValueError, zlib.error):
        raise _bad("The status list cannot be unpacked.") from None
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise _bad("The status list is cut short or too large.")
    if len(bits) * 8 < LIST_BITS:
        raise _bad("The status list is shorter than the standard allows (131,072 bits).")
    return bits


def place_of(count: int, key: bytes) -> tuple[int, int]:
    """Return the list and the index of the `count`-th credential: every place once, in no order.

    A place tells nothing of when a credential was issued or who got the one before: the order is
    a permutation under a key of the issuer (four Feistel rounds over 18 bits, walked until the
    place lies inside the list).
    """
    number, index = divmod(count, LIST_BITS)
    return number, order_of(number, key)(index)


def order_of(number: int, key: bytes) -> Callable[[int], int]:
    """Return the order in which one list is filled: which place the `index`-th credential has."""

    @cache
    def mixed(turn: int, right: int) -> int:
        text = f"{number}/{turn}/{right}".encode()
        return int.from_bytes(hmac.digest(key, text, "sha256")[:4]) & _MASK

    def place_at(index: int) -> int:
        place = index
        while True:
            left, right = place >> _HALF, place & _MASK
            for turn in range(4):
                left, right = right, left ^ mixed(turn, right)
            place = left << _HALF | right
            if place < LIST_BITS:
                return place

    return place_at


def is_set(bits: bytes, index: int) -> bool:
    """Say whether the bit at `index` is set.

    Raises:
        CredentialInvalidError: the list has no such place.
    """
    if not 0 <= index < len(bits) * 8:
        raise _bad("The credential's place is outside the status list.")
    return bool(bits[index // 8] & (0x80 >> (index % 8)))


def _bad(message: str) -> CredentialInvalidError:
    return CredentialInvalidError(message, code="status_list_invalid")
