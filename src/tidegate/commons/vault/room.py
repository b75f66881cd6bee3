"""A disk that takes no more: said in words, instead of by an error of the system.

Stores report the system's error each in its own way: by number, or within a text of their own.
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from tidegate.commons.vault.errors import StorageUnwritableError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NUMBER = re.compile(r"os error (\d+)")


def is_full(problem: Exception) -> bool:
    """Tell whether there was no room (a full disk, a quota, a limit), by number or by text."""
    told = {int(number) for number in _NUMBER.findall(str(problem))}
    return bool(_FULL & (told | {getattr(problem, "errno", None)}))


def unwritable(problem: Exception) -> StorageUnwritableError:
    """Return the refusal a failed write means, with what to do; it names no path."""
    if is_full(problem):
        return StorageUnwritableError(
            "The disk of this node is full, so nothing of this was kept. Make room on the disk of"
            " the node's home, then do it again.",
            code="disk_full",
        )
    return StorageUnwritableError(
        "The disk of this node takes nothing, so nothing of this was kept. See in the node's log"
        " and with `tidegate doctor` what ails it, then do it again.",
        code="disk_unwritable",
    )


@contextmanager
def told(*failures: type[Exception]) -> Iterator[None]:
    """Turn a failed write of the block into a refusal in words; a store may have its `failures`."""
    known: tuple[type[Exception], ...] = (OSError, *failures)
    try:
        yield
    except known as problem:
        raise unwritable(problem) from problem
