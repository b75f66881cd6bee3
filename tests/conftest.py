"""What tests of several topics share: the story, told once in a run."""

import pytest

from lib.story import telling


@pytest.fixture(scope="session")
def story(tmp_path_factory):
    """The whole demonstration, told by a process of its own, its nodes serving."""
    with telling(tmp_path_factory.mktemp("story") / "demo") as told:
        yield told
