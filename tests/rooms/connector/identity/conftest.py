"""A space of three nodes: one kept for the module, and fresh ones for tests that change it."""

import pytest

from lib.space_world import opened_world
from tidegate.access.model import Seat

NAMES = (("Faculty", Seat.HK), ("Hospital", Seat.CN_GBA9))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Tests may use this one; they leave memberships and the clock's day alone."""
    with opened_world(tmp_path_factory.mktemp("space"), *NAMES) as opened:
        yield opened


@pytest.fixture
def fresh_world(tmp_path):
    """One test may do with this one what it likes."""
    with opened_world(tmp_path, *NAMES) as opened:
        yield opened
