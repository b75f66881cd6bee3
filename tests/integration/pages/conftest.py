"""A seeded node served over a real socket, and a real Chromium to look at it."""

from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from lib.serving import Served
from unit.web.site import add_classified, build_site

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    home = tmp_path_factory.mktemp("site")
    site = build_site(home)
    add_classified(site, home)
    yield site
    site.node.close()


@pytest.fixture(scope="session")
def address(site):
    """Serve the site's pages on a free port of this machine."""
    with Served(site.app()) as served:
        yield f"http://127.0.0.1:{served.port}"


@pytest.fixture(scope="module")
def chromium():
    if not Path(CHROMIUM).exists():
        pytest.fail("Chromium is missing; run `make test` as root, or install it by hand.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser
        browser.close()
