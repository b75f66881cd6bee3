"""What tests of several topics share: the story, told once in a run, and who runs beside whom."""

import os
import sys
import tempfile

import httpx
import pytest

from lib.story import telling

NOBODY = tempfile.TemporaryDirectory(prefix="tidegate-trust-")
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = NOBODY.name
"""No test calls the world, so that none trusts its authorities: httpx reads them for every call
that has no client of its own, which takes 50 ms each time. What a test trusts it names."""

sys.modules.setdefault("sniffio", None)
"""httpx looks on the disk for it, in vain, at every call of an application in this process."""

for _part in ("connect", "read", "write", "pool"):
    setattr(httpx.post.__kwdefaults__["timeout"], _part, 60.0)
"""A call of a test itself gives up after five seconds otherwise, which a busy machine may take."""

KEPT_TOGETHER = {
    "tests/conformance/": "conformance",
    "tests/integration/law/": "law",
    "tests/integration/pages/": "story",
    "tests/integration/story/": "story",
}
"""Folders whose tests share what is costly to make; every other file runs where there is room."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Say which tests one process runs in turn, where several processes share the suite."""
    from xdist.scheduler import LoadScopeScheduling

    class ByTopic(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.partition("::")[0]
            topics = (KEPT_TOGETHER[each] for each in KEPT_TOGETHER if file.startswith(each))
            return next(topics, file)

    config.option.loadscopereorder = False  # as collected: what waits for nodes first, units last
    return ByTopic(config, log)


@pytest.fixture(scope="session")
def story(tmp_path_factory):
    """The whole demonstration, told by a process of its own, its nodes serving."""
    with telling(tmp_path_factory.mktemp("story") / "demo") as told:
        yield told
