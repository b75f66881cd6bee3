"""A fresh signaling room for every test."""

import pytest

from lib.dps_hosting import World


@pytest.fixture
def world(tmp_path):
    one = World(tmp_path)
    yield one
    one.close()
