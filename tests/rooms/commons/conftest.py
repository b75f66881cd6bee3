"""A commons on real ground, for each test its own."""

import pytest

from lib.ground import make_ground
from rooms.commons.commons_world import make_commons


@pytest.fixture
def ground(tmp_path):
    ground = make_ground(tmp_path)
    yield ground
    ground.close()


@pytest.fixture
def commons(ground):
    return make_commons(ground)
