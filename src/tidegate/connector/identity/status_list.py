"""Bitstring Status List 1.0 (W3C): one bit a credential, left to right, gzip, base64url.

The list has at least 131,072 entries (§6.1, herd privacy); its text form begins with `u`.
"""

import base64
import binascii
import gzip
import zlib
from collections.abc import Iterable

from tidegate.connector.errors import CredentialInvalidError

LIST_BITS = 131_072
_MOST_BYTES = 4 * 1024 * 1024
_MOST_TEXT = 1024 * 1024


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


def decode_list(text: str) -> bytes:
    """Return the bits of a list; refuse lists below the minimum and compression bombs.

    Raises:
        CredentialInvalidError: the text is no status list.
    """
    if not text.startswith("u") or len(text) > _MOST_TEXT:
        raise _bad("The status list is not in base64url with the prefix u.")
    try:
        packed = base64.urlsafe_b64decode(text[1:] + "=" * (-len(text[1:]) % 4))
        unpacker = zlib.decompressobj(wbits=31)
        bits = unpacker.decompress(packed, _MOST_BYTES)
    except (binascii.Error, ValueError, zlib.error):
        raise _bad("The status list cannot be unpacked.") from None
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise _bad("The status list is cut short or too large.")
    if len(bits) * 8 < LIST_BITS:
        raise _bad("The status list is shorter than the standard allows (131,072 bits).")
    return bits


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
