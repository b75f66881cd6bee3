"""Every page in a real browser: accessible, inside its width, and kept as a picture."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

SCREENS = Path(__file__).parents[3] / "var" / "screens"
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
LANGUAGES = {"en": "en-GB", "zh-Hant": "zh-HK", "zh-Hans": "zh-CN"}
PAGES = {
    "": {"sign_in": "/sign-in", "problem": "/nothing-here"},
    "rex": {
        "home": "/",
        "catalogue": "/catalogue?text=肝病",
        "nothing": "/catalogue?text=zzz",
        "dataset_peer": "/datasets/ds_peer",
        "apply": "/datasets/ds_peer/apply",
        "queries": "/queries",
        "query_new": "/queries/new",
        "query_cross": "/queries/asked_cross",
        "query_curve": "/queries/asked_curve",
        "query_refused": "/queries/asked_refused",
        "applications": "/applications",
    },
    "sam": {"datasets": "/datasets", "dataset": "/datasets/{dataset}", "agreements": "/agreements"},
    "carl": {
        "agreement": "/agreements/{given}",
        "evidence": "/evidence",
        "leaf": "/evidence/leaves/10",
        "subject": "/evidence/subjects/version:{version}",
        "space": "/space",
    },
    "cher": {"checking": "/checking"},
    "olga": {"operation": "/operation"},
}
CASES = [(who, name) for who, pages in PAGES.items() for name in pages]


def open_page(chromium, address, site, who, size, language="en"):
    width, height = SIZES[size]
    context = chromium.new_context(
        viewport={"width": width, "height": height},
        locale=LANGUAGES[language],
        is_mobile=size == "phone",
        has_touch=size == "phone",
        device_scale_factor=1,
    )
    page = context.new_page()
    page.on("console", lambda said: page.problems.append(said.text) if said.type == "error" else 0)
    page.problems = []
    if who:
        access = site.node.house.access
        link = access.issue_link(site.people[who].id, by=site.actor("olga"))
        page.goto(f"{address}/sign-in/link/{link}")
        page.locator("main form button").click()
    return page


def check_page(page, name):
    """Run axe, look for sideways scrolling and blocked content, and keep a picture."""
    page.screenshot(path=SCREENS / f"{name}.png", full_page=True)
    found = Axe().run(page).response["violations"]
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    told = [(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in found]
    assert [] == told
    assert wide <= 0
    blocked = [text for text in page.problems if "Content Security Policy" in text]
    assert [] == blocked


@pytest.fixture(scope="session", autouse=True)
def _screens():
    SCREENS.mkdir(parents=True, exist_ok=True)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("who", "name"), CASES, ids=[name for _, name in CASES])
def test_a_page_is_accessible_and_stays_inside_its_width(chromium, address, site, who, name, size):
    page = open_page(chromium, address, site, who, size)
    page.goto(address + PAGES[who][name].format(**site.ids))

    check_page(page, f"{name}-{size}-en")
    page.context.close()


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans"])
@pytest.mark.parametrize(
    ("who", "name", "size"),
    [
        ("", "sign_in", "phone"),
        ("rex", "home", "desktop"),
        ("rex", "catalogue", "desktop"),
        ("rex", "query_new", "phone"),
        ("rex", "query_curve", "desktop"),
        ("sam", "dataset", "desktop"),
        ("sam", "dataset", "phone"),
        ("carl", "agreement", "desktop"),
        ("carl", "leaf", "phone"),
        ("carl", "evidence", "desktop"),
    ],
)
def test_chinese_pages_are_as_good(chromium, address, site, who, name, size, language):
    page = open_page(chromium, address, site, who, size, language)
    page.goto(address + PAGES[who][name].format(**site.ids))

    assert language == page.locator("html").get_attribute("lang")
    check_page(page, f"{name}-{size}-{language}")
    page.context.close()
