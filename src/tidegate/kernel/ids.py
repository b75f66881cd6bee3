"""Names for things: time-ordered ids with a readable prefix, URNs for the wire, secrets."""

import secrets
import time
import uuid
from typing import Protocol

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32


class Ids(Protocol):
    """Something that names new things."""

    def new(self, prefix: str) -> str:
        """Return a new id such as `ds_01k…`: `prefix`, an underscore, 26 characters."""
        ...

    def urn(self) -> str:
        """Return a new `urn:uuid:…`."""
        ...


class RandomIds:
    """Ids of 48 bits of milliseconds and 80 random bits, the shape of a ULID."""

    def new(self, prefix: str) -> str:
        """Return a new id such as `ds_01k…`; later ids sort after earlier ones."""
        number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
        return f"{prefix}_{base32(number)}"

    def urn(self) -> str:
        """Return a new random `urn:uuid:…` (RFC 9562 version 4)."""
        return uuid.uuid4().urn  # noqa: TID251 - the one place that makes them


def base32(number: int) -> str:
    """Write a 128-bit number as 26 characters of Crockford's base 32, lower case."""
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def secret_token(nbytes: int = 32) -> str:
    """Return a URL-safe secret of `nbytes` random bytes."""
    return secrets.token_urlsafe(nbytes)
