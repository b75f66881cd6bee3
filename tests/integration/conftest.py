"""What all tests of nodes in this process share."""

import pytest

from lib.thrift import passphrases_stretched_once, statements_compiled_once


@pytest.fixture(scope="session", autouse=True)
def thrift():
    """Pay once a run for what is the same in every test."""
    with passphrases_stretched_once(), statements_compiled_once():
        yield
