"""One node for all tests of this topic: each speaks about an offer or agreement of its own."""

from functools import partial

import pytest

from lib.dps_peer import dps_bench
from lib.dsp_peer import bench
from lib.thrift import passphrases_stretched_once, statements_compiled_once
from tidegate.connector.signaling.model import Manners
from tidegate_tck import dps as dps_profile
from tidegate_tck import dsp

PAUSE_MS = 20


@pytest.fixture(scope="session", autouse=True)
def thrift():
    """Pay once a run for what is the same in every test."""
    with passphrases_stretched_once(), statements_compiled_once():
        yield


@pytest.fixture(scope="package")
def dsp_bench(tmp_path_factory):
    with bench(
        tmp_path_factory.mktemp("conformance"), partial(dsp.profile, pause_ms=PAUSE_MS)
    ) as one:
        yield one


@pytest.fixture(scope="session")
def strict_dps(tmp_path_factory):
    with dps_bench(
        tmp_path_factory.mktemp("dps"), partial(dps_profile.profile, manners=Manners())
    ) as one:
        yield one


@pytest.fixture
def dps(strict_dps):
    strict_dps.rests()
    return strict_dps


@pytest.fixture(scope="session")
def kit_dps(tmp_path_factory):
    with dps_bench(tmp_path_factory.mktemp("kit-dps"), dps_profile.profile) as one:
        yield one


@pytest.fixture(scope="session")
def moving_dps(tmp_path_factory):
    make_profile = partial(dps_profile.profile, manners=Manners(), moves=True)
    with dps_bench(tmp_path_factory.mktemp("moving-dps"), make_profile) as one:
        yield one


@pytest.fixture(scope="session")
def judged_dps(tmp_path_factory):
    """The node as it serves: it judges the kit's flows itself."""
    make_profile = partial(dps_profile.profile, manners=Manners(), moves=True, judged=True)
    with dps_bench(tmp_path_factory.mktemp("judged-dps"), make_profile) as one:
        yield one
