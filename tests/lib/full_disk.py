"""A disk that takes no more, for tests: the system itself refuses to let any file grow."""

import resource
from contextlib import contextmanager


@contextmanager
def full_beyond(size: int):
    """Let no file of this process grow beyond `size` bytes: writes fail as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
