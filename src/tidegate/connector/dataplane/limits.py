"""How much of a copy is taken in: what was declared, what this node takes, what the disk holds.

Pure. A size nobody declared is bounded by the node's own limit alone: some data planes send
without a length (chunked, RFC 9112 §7.1).
"""

from tidegate.connector.dataplane.errors import (
    ContentChangedError,
    ContentTooLargeError,
    DiskLowError,
)
from tidegate.connector.dataplane.model import PlaneSettings


def check_size(settings: PlaneSettings, size: int, total: int) -> None:
    """Raise unless that many bytes, of `total` (-1 while unknown), may be held of a copy.

    Raises ContentTooLargeError where it is more than this node takes in at once, and
    ContentChangedError where it is more than was declared.
    """
    if max(size, total) > settings.most_bytes:
        raise ContentTooLargeError(
            f"This node takes in copies of at most {settings.most_bytes} bytes; its operator can"
            " raise `rows_most_bytes`.",
            code="content_too_large",
            most=str(settings.most_bytes),
        )
    if 0 <= total < size:
        raise ContentChangedError("More bytes came than were declared.", code="content_longer")


def check_disk(settings: PlaneSettings, held: int, total: int, free: int) -> None:
    """Raise DiskLowError unless what is missing of a copy fits, and the disk keeps its reserve."""
    missing = max(total - held, 0)
    if free - missing < settings.keep_free:
        raise DiskLowError(
            "The disk of this node has too little room for these bytes; try again later, or have"
            " its operator make room.",
            code="disk_low",
        )
