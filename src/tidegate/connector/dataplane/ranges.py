"""Byte ranges and digests in HTTP headers. Pure.

Sources: RFC 9110 §13.1.5 (If-Range), §14 (Range, Content-Range, 206, 416), §14.5 (partial PUT);
RFC 9530 (Repr-Digest). One range is served; several at once are answered with the whole content,
as RFC 9110 §14.2 allows.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error

from tidegate.connector.dataplane.errors import RangeRefusedError
from tidegate.kernel.values import dataclass

_ONE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))", re.IGNORECASE)
_CONTENT = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", re.IGNORECASE)
_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]{1,64}):", re.IGNORECASE)
_HEX = re.compile(r'"?([0-9a-f]{64})"?')


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from `start` up to and without `end` of a content of `total` bytes."""

    start: int
    end: int
    total: int

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole content."""
        return self.start == 0 and self.end == self.total

    @property
    def length(self) -> int:
        """How many bytes it has."""
        return self.end - self.start

    def content_range(self) -> str:
        """Return the Content-Range header of this part."""
        return f"bytes {self.start}-{self.end - 1}/{self.total}"


def asked_part(range_header: str, if_range: str, etag: str, total: int) -> tuple[Part, bool]:
    """Return the part a GET asks for, and whether it is answered as partial content.

    What cannot be read as one range is ignored, as is a range of another representation; raises
    RangeRefusedError (416) for a range that begins behind the end.
    """
    whole = Part(0, total, total)
    found = _ONE.fullmatch(range_header.strip())
    if found is None or (if_range and if_range.strip() != etag):
        return whole, False
    first, last, suffix = found.groups()
    if suffix is not None:
        if int(suffix) == 0:
            raise RangeRefusedError("The last zero bytes are no range.", code="range_unsatisfiable")
        start, end = max(0, total - int(suffix)), total
    else:
        start, end = int(first), total if not last else min(int(last) + 1, total)
        if last and int(last) < start:
            return whole, False
    if start >= total:
        raise RangeRefusedError(
            f"The content has {total} bytes; the range begins behind them.",
            code="range_unsatisfiable",
        )
    return Part(start, end, total), True


def read_content_range(header: str) -> tuple[int, int, int] | None:
    """Return (start, end, total) of a Content-Range, total -1 where unknown; None if malformed."""
    found = _CONTENT.fullmatch(header.strip())
    if found is None:
        return None
    start, last = int(found.group(1)), int(found.group(2))
    total = -1 if found.group(3) == "*" else int(found.group(3))
    if last < start or (total >= 0 and last >= total):
        return None
    return start, last + 1, total


def etag_of(sha256: str) -> str:
    """Return the strong entity tag of a content: its SHA-256."""
    return f'"{sha256}"'


def digest_header(sha256: str) -> str:
    """Return the Repr-Digest header of a content with this SHA-256 (hex)."""
    return f"sha-256=:{b64encode(bytes.fromhex(sha256)).decode()}:"


def read_digest(repr_digest: str, etag: str = "") -> str:
    """Return the SHA-256 (hex) that headers promise of the whole content, or an empty string."""
    found = _DIGEST.search(repr_digest)
    if found is not None:
        try:
            raw = b64decode(found.group(1), validate=True)
        except (Base64Error, ValueError):
            raw = b""
        if len(raw) == 32:
            return raw.hex()
    tagged = _HEX.fullmatch(etag.strip())
    return tagged.group(1) if tagged else ""
