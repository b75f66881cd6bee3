"""Two institutions under the real rule pack, for every test of this folder."""

import pytest

from lib.law_world import law_world


@pytest.fixture(scope="package")
def world(tmp_path_factory):
    with law_world(tmp_path_factory.mktemp("law")) as made:
        yield made
