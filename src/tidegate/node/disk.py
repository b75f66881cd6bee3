"""Whether the home's disk takes what a node writes: no act is done that cannot be written down."""

import os
import shutil
from pathlib import Path

from tidegate.kernel.errors import UnavailableError

LEAST_FREE = 100 * 1024**2  # bytes of the home's disk; below, a checkpoint or upload may not fit


def check_disk(home: Path) -> int:
    """Return the free bytes where the home lies.

    Raises:
        UnavailableError: the home cannot be written to, or too little room is left.
    """
    if not os.access(home, os.W_OK):
        raise UnavailableError(
            f"nothing can be written to {home}: give its owner the right, or mount its disk"
            " for writing.",
            code="disk_read_only",
        )
    free = shutil.disk_usage(home).free
    if free < LEAST_FREE:
        raise UnavailableError(
            f"{free // 1024**2} MiB are free where {home} lies; make room, since nothing is"
            " done that cannot be written down.",
            code="disk_full",
        )
    return free
