"""One node for all tests of this topic: each speaks about an offer or agreement of its own."""

from functools import partial

import pytest

from lib.dsp_peer import bench
from tidegate_tck import dsp

PAUSE_MS = 20


@pytest.fixture(scope="package")
def dsp_bench(tmp_path_factory):
    with bench(
        tmp_path_factory.mktemp("conformance"), partial(dsp.profile, pause_ms=PAUSE_MS)
    ) as one:
        yield one
