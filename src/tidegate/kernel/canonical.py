"""Canonical JSON: one byte sequence for one value, so that hashes and signatures agree."""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from tidegate.kernel.errors import InvalidError

if TYPE_CHECKING:
    Json: TypeAlias = "str | int | bool | None | list[Json] | tuple[Json, ...] | Mapping[str, Json]"
else:
    Json = Any  # readers of type hints at run time cannot follow a type that contains itself

_LARGEST = 2**53  # beyond it, an IEEE 754 reader would see another number (RFC 8785 §3.2.2.3)
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def canonical_json(value: Any) -> bytes:
    """Write `value` as RFC 8785 (JCS) JSON in UTF-8.

    Numbers are whole and smaller than 2**53: anything finer travels as text, which keeps every
    implementation's bytes the same. Raises InvalidError for floats, other types and lone
    surrogates.
    """
    try:
        return _ENCODE(_ordered(value)).encode()
    except UnicodeEncodeError:
        raise InvalidError("Text in canonical JSON must be valid Unicode.") from None


def _ordered(value: Any) -> Any:
    kind = type(value)
    if kind is str or kind is bool or value is None:  # most values by far
        return value
    if isinstance(value, str):
        return str(value)  # an enum member travels as its value
    if isinstance(value, int):
        if not -_LARGEST < value < _LARGEST:
            raise InvalidError(
                "A number in canonical JSON must be smaller than 2**53; write it as text."
            )
        return int(value)
    if isinstance(value, Mapping):
        try:
            is_plain = "".join(value).isascii()
        except TypeError:
            raise InvalidError("Names in canonical JSON must be text.") from None
        names = sorted(value) if is_plain else sorted(value, key=_utf16)
        return {str(name): _ordered(value[name]) for name in names}
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    raise InvalidError(f"Canonical JSON has no {type(value).__name__}; write it as text.")


def _utf16(name: str) -> bytes:
    """Sort names by UTF-16 code units (RFC 8785 §3.2.3)."""
    return name.encode("utf-16-be", "surrogatepass")


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()
