"""What tests of one process share, so that each does not pay for it again. No answer changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from sqlalchemy import create_engine, make_url

from tidegate.db import engine as engines
from tidegate.keys import service as keys


@contextmanager
def statements_compiled_once() -> Iterator[None]:
    """Let every SQLite engine of the process use the statements that another one compiled.

    A node has one database a process and compiles each statement once; tests have thousands.
    """
    first = create_engine("sqlite://", query_cache_size=5000)
    with first.connect():
        pass  # which tells the dialect what it speaks to

    def create(url, **options):
        made = create_engine(url, **options)
        if make_url(url).get_backend_name() == "sqlite":
            made.dialect, made._compiled_cache = first.dialect, first._compiled_cache
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "create_engine", create)
        yield
    first.dispose()


@contextmanager
def passphrases_stretched_once() -> Iterator[None]:
    """Stretch a passphrase under a salt once: sealing and opening keys is slow on purpose."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "_stretch", cache(keys._stretch))
        yield
