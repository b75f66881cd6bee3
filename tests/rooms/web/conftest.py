"""One seeded node for all page tests; each test opens its own browser."""

import pytest

from rooms.web.site import build_site


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    site = build_site(tmp_path_factory.mktemp("site"))
    yield site
    site.node.close()
