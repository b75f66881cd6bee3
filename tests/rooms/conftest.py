"""What all rooms' tests share."""

from functools import cache

import pytest

from tidegate.keys import service


@pytest.fixture(scope="session", autouse=True)
def stretched_once():
    """Stretch a passphrase under a salt once in a run: the answer is the same, the work is not.

    Sealing and opening key files is slow on purpose; each test's node would pay for it again.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "_stretch", cache(service._stretch))
        yield
