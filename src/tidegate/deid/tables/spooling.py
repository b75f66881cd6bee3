"""Arrays on disk in files without a name: whatever ends the process, nothing stays behind.

What stands in them is as sensitive as the table, so no other process can open them by a name.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


def unnamed(folder: Path) -> BinaryIO:
    """Open a new file on the disk of a folder, which is gone when nobody uses it any more."""
    return cast("BinaryIO", tempfile.TemporaryFile(dir=folder))


def mapped(file: BinaryIO, kind: "DTypeLike") -> "NDArray[Any]":
    """Map all that was written to a file; nothing is an empty array."""
    import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched

    file.flush()
    if not file.tell():
        return np.zeros(0, kind)
    return np.asarray(np.memmap(file, kind, "r"))


def room(folder: Path, kind: "DTypeLike", rows: int) -> "NDArray[Any]":
    """Return an array of zeros on disk, to be written to."""
    import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched

    if not rows:
        return np.zeros(0, kind)
    with unnamed(folder) as file:
        return np.asarray(np.memmap(file, kind, "w+", shape=(rows,)))
