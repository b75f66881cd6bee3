"""One process at a time serves a home or changes its keys."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidegate.kernel.errors import ConflictError

LOCK_FILE = "serve.lock"


class AlreadyServedError(ConflictError):
    """Another process serves this home, or changes its keys."""


@contextmanager
def home_held(home: Path) -> Iterator[None]:
    """Hold the home while a node is served or its keys change; the kernel frees it at any death.

    Raises:
        AlreadyServedError: another process holds it.
    """
    with (home / LOCK_FILE).open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyServedError(
                f"Another process serves {home} already, or changes its keys; stop it first, or use"
                " another home."
            ) from None
        yield
