"""What tests of several topics share: the story, told once in a run, and who runs beside whom."""

from pathlib import Path

import pytest

from lib.story import telling

TESTS = Path(__file__).parent
KEPT_TOGETHER = ("conformance", "integration/law")
"""Folders whose tests share what is costly to make; every other file runs where there is room."""


def pytest_collection_modifyitems(items):
    """Say which tests one process runs in turn, where several processes share the suite."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))


def _group(item) -> str:
    place = item.path.relative_to(TESTS).as_posix()
    if "story" in item.fixturenames or place.startswith("integration/pages"):
        return "story"
    return next((folder for folder in KEPT_TOGETHER if place.startswith(folder + "/")), place)


@pytest.fixture(scope="session")
def story(tmp_path_factory):
    """The whole demonstration, told by a process of its own, its nodes serving."""
    with telling(tmp_path_factory.mktemp("story") / "demo") as told:
        yield told
