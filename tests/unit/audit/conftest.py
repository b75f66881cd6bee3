"""The ground and the events the audit tests write."""

import pytest

from lib.ground import make_ground

WORDS = {"dataset.acquired": "ing", "dataset.stored": None, "application.refused": None}


def ready(ground):
    """Declare the events of these tests on a ground."""
    ground.journal._events.update(WORDS)
    return ground


@pytest.fixture
def ground(tmp_path):
    made = ready(make_ground(tmp_path))
    yield made
    made.close()
