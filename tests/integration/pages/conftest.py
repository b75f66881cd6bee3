"""A seeded node served over a real socket, and a real Chromium to look at it."""

from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from lib.screens import LANGUAGES, SIZES
from lib.serving import Served
from rooms.web.site import add_classified, build_site
from rooms.web.versions import add_lives

CHROMIUM = "/usr/bin/chromium"
PATIENCE_MS = 120_000  # with a browser that starts, or draws a long page, on a busy machine
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
    add_lives(site, home)
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
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=FLAGS, timeout=PATIENCE_MS
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def open_page(chromium, address, site):
    """Open pages in browsers that stay signed in: one for each person, size and language.

    Each has one tab, as a tab of its own costs as much as the page in it.
    """
    tabs = {}

    def sign_in(who, size, language):
        width, height = SIZES[size]
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            locale=LANGUAGES[language],
            is_mobile=size == "phone",
            has_touch=size == "phone",
        )
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.problems = []
        if who:
            link = site.node.house.access.issue_link(site.people[who].id, by=site.actor("olga"))
            page.goto(f"{address}/sign-in/link/{link}")
            with page.expect_navigation(wait_until="load"):
                page.locator("main form button").click()
        return page

    def note(page, said):
        if said.type == "error":
            page.problems.append(said.text)

    def open_it(who, path, size="desktop", language="en"):
        key = (who, size, language)
        if key not in tabs:
            tabs[key] = sign_in(*key)
            tabs[key].on("console", partial(note, tabs[key]))
        page = tabs[key]
        page.problems, page.ids = [], site.ids
        page.goto(address + path.format(**site.ids))
        return page

    yield open_it
    for page in tabs.values():
        page.context.close()
