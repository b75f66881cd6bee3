"""Every page in a real browser: accessible, inside its width, and kept as a picture."""

from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from lib.screens import CASES, PAGES, SIZES
from tidegate.connector.dataplane import store as flows

SCREENS = Path(__file__).parents[3] / "var" / "screens"


def check_page(page, name):
    """Run axe, look for sideways scrolling and blocked content, and keep a picture."""
    page.screenshot(path=SCREENS / f"{name}.png", full_page=True)
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
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
def test_a_page_is_accessible_and_stays_inside_its_width(open_page, who, name, size):
    page = open_page(who, PAGES[who][name], size)

    check_page(page, f"{name}-{size}-en")


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans"])
@pytest.mark.parametrize(
    ("who", "name", "size"),
    [
        ("", "sign_in", "phone"),
        ("rex", "catalogue", "desktop"),
        ("rex", "catalogue", "phone"),
        ("rex", "query_new", "phone"),
        ("rex", "query_curve", "desktop"),
        ("sam", "dataset", "desktop"),
        ("sam", "dataset", "phone"),
        ("carl", "agreement", "desktop"),
        ("sam", "life_acquired", "desktop"),
        ("sam", "life_acquired", "phone"),
        ("carl", "life_proposed", "phone"),
        ("carl", "life_deidentified", "phone"),
        ("carl", "life_asked", "desktop"),
        ("sam", "recipe", "desktop"),
        ("sam", "recipe", "phone"),
        ("sam", "risk_report", "phone"),
        ("sam", "inbox", "phone"),
        ("carl", "rows_inbox", "phone"),
        ("carl", "rows_asked", "desktop"),
        ("sam", "rows", "phone"),
        ("rex", "rows_coming", "phone"),
        ("sam", "negotiation_failing", "desktop"),
        ("sam", "counter_provider", "desktop"),
        ("sam", "strategy", "phone"),
        ("carl", "leaf", "phone"),
    ],
)
def test_chinese_pages_are_as_good(open_page, who, name, size, language):
    page = open_page(who, PAGES[who][name], size, language)

    assert language == page.locator("html").get_attribute("lang")
    check_page(page, f"{name}-{size}-{language}")


@pytest.mark.parametrize(("size", "language"), [("desktop", "en"), ("phone", "zh-Hant")])
def test_an_operator_examines_a_peer_that_does_not_answer(open_page, size, language):
    page = open_page("olga", "/peers", size, language)

    page.fill("#did", "did:web:localhost%3A9")
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("Enter")

    assert 16 == page.locator(".checks > li").count()
    assert page.locator(".checks .failed .advice").count() >= 1
    check_page(page, f"peer_examined-{size}-{language}")


def test_a_counter_offer_is_made_with_the_keyboard_alone(open_page):
    page = open_page("sam", "/negotiations/{asking}/counter")

    page.focus("#r0-uses")
    page.keyboard.press("Control+A")
    page.keyboard.type("120")
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("Enter")

    assert "At most 120 uses instead of 200." in page.locator(".fresh").inner_text()
    check_page(page, "counter_previewed-desktop-en")


LOST = {"en": "Lost", "zh-Hant": "損失", "zh-Hans": "损失"}


@pytest.mark.parametrize(
    ("size", "language"),
    [("desktop", "en"), ("phone", "en"), ("desktop", "zh-Hans"), ("phone", "zh-Hant")],
)
def test_a_recipe_is_previewed_at_once_and_no_choice_is_cut_off(open_page, size, language):
    page = open_page("sam", "/versions/{classified}/recipe", size, language)
    assert not page.locator("#glance").is_visible()

    page.focus("#k")
    page.keyboard.press("Control+A")
    page.keyboard.type("20")
    page.keyboard.press("Tab")
    page.locator("#glance:not([hidden])").wait_for()

    assert "suppression" == page.evaluate("document.activeElement.id")
    assert LOST[language] in page.locator("#glance").inner_text()
    assert "criteria.k_anonymity" in page.locator("#seen").inner_text()
    assert [] == page.evaluate(CUT_OFF)
    check_page(page, f"recipe_previewed-{size}-{language}")


CUT_OFF = """() => [...document.querySelectorAll("select")].filter((one) => {
  const measure = document.createElement("canvas").getContext("2d");
  measure.font = getComputedStyle(one).font;
  const words = one.selectedOptions[0] ? one.selectedOptions[0].text : "";
  return one.clientWidth > 0 && measure.measureText(words).width + 32 > one.clientWidth;
}).map((one) => one.name)"""


def test_a_run_is_followed_until_it_is_done(open_page, site):
    page = open_page("sam", "/versions/{classified}/recipe", "phone", "zh-Hans")
    page.fill("#project", "prj_1")
    page.check("#confirmed")
    with page.expect_navigation(wait_until="load"):
        page.locator("button[value=deidentify]").press("Enter")
    assert "0" == page.locator("#run progress").get_attribute("value")
    check_page(page, "run-phone-zh-Hans")

    runs = site.node.house.runs
    runs.work(runs.find_latest(site.ids["classified"]).run.id)
    page.locator("#run:not([data-live]) a[href$=risk-report]").wait_for()

    check_page(page, "run_done-phone-zh-Hans")
    assert [] == page.problems


def test_what_is_wrong_with_a_recipe_is_said_at_once(open_page):
    page = open_page("sam", "/versions/{classified}/recipe", "desktop", "zh-Hant")

    page.fill("#k", "5000")
    page.keyboard.press("Tab")
    page.locator("#seen [role=alert]").wait_for()

    assert "請降低要求" in page.locator("#seen [role=alert]").inner_text()
    assert "5000" == page.input_value("#k")
    check_page(page, "recipe_refused-desktop-zh-Hant")


def test_rows_are_approved_and_taken_back_with_the_keyboard_alone(open_page):
    page = open_page("carl", "/inbox")
    page.focus("article[id^=approval-] input[name=reason]")
    page.keyboard.type("Contract 9 covers these rows.")
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("Enter")
    assert "The rows may leave" in page.locator("[role=status]").inner_text()

    page.goto(page.url.split("/inbox")[0] + "/transfers/{rows_asked}".format(**page.ids))
    summary = page.locator("#approvals details.refuse summary").first
    summary.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("Contract 9 is void.")
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("Enter")

    assert "The approval was withdrawn." in page.locator("[role=status]").first.inner_text()
    check_page(page, "rows_withdrawn-desktop-en")


def test_the_progress_of_rows_is_fresh_without_a_reload(open_page, site):
    page = open_page("sam", "/transfers/{rows}")
    page.evaluate("window.loaded = 'once'")
    assert "1,000,000 / 4,000,000" in page.locator("#transfer-rows").inner_text()

    with site.node.journal.upkeep() as tx:
        known = flows.find_flow(tx.connection, site.ids["rows"])
        flows.put_flow(tx.connection, replace(known, moved=3_000_000), tx.at)
    page.locator("#transfer-rows", has_text="3,000,000 / 4,000,000").wait_for()

    assert "once" == page.evaluate("window.loaded")
    assert "75" == page.locator("#transfer-rows progress").get_attribute("value")
    assert [] == page.problems


def test_the_strategy_form_shows_the_terms_only_for_a_counter_offer(open_page):
    page = open_page("sam", "/offers/{offer}/strategy")
    assert not page.locator("#r0-uses").is_visible()

    page.select_option("#choice", "counter")

    assert page.locator("#r0-uses").is_visible()
    check_page(page, "strategy_counter-desktop-en")


def test_a_phone_shows_results_at_once_and_opens_the_facets_by_keyboard(open_page):
    page = open_page("rex", "/catalogue", "phone")
    facet, summary = page.locator(".facet a").first, page.locator(".facets summary")

    assert not facet.is_visible()
    assert page.locator(".hit h2").first.bounding_box()["y"] < SIZES["phone"][1]
    summary.focus()
    page.keyboard.press("Enter")
    assert facet.is_visible()
    check_page(page, "catalogue_facets-phone-en")


def test_a_screen_that_widens_shows_the_menu_again(open_page):
    page = open_page("rex", "/catalogue", "phone")
    link = page.locator(".menu a").first
    assert not link.is_visible()

    page.set_viewport_size({"width": 1280, "height": 800})
    link.wait_for(state="visible")
    page.locator(".facet a").first.wait_for(state="visible")

    page.set_viewport_size({"width": 390, "height": 800})
    link.wait_for(state="hidden")


def test_a_wide_screen_shows_the_facets_beside_the_results(open_page):
    page = open_page("rex", "/catalogue")

    beside = page.locator(".facet a").first.bounding_box()
    assert beside["x"] > page.locator(".hit h2").first.bounding_box()["x"]
    assert not page.locator(".facets summary").is_visible()


def test_the_form_for_a_query_shows_only_what_the_analysis_needs(open_page):
    page = open_page("rex", "/queries/new")

    page.select_option("#kind", "kaplan_meier")

    assert page.locator("#time").is_visible()
    assert not page.locator("#rows_column").is_visible()


def test_the_first_tab_skips_to_the_content_and_enter_follows_it(open_page):
    page = open_page("rex", "/catalogue")

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    page.wait_for_url("**/catalogue#main")


def test_a_search_needs_no_script(chromium, address, site):
    context = chromium.new_context(java_script_enabled=False, locale="zh-HK")
    page = context.new_page()
    link = site.node.house.access.issue_link(site.people["rex"].id, by=site.actor("olga"))
    page.goto(f"{address}/sign-in/link/{link}")
    page.locator("main form button").click()
    page.goto(f"{address}/catalogue")

    page.fill("#text", "肝臟")
    page.locator("main form button").click()

    assert page.locator(".hit").count() == 2
    context.close()
