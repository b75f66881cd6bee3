"""The care of a version in a real browser, by keyboard alone, by two people, at both widths."""

import pytest

from integration.pages.test_pages import check_page
from rooms.web.versions import add_version, page_of
from tidegate.commons.model import Stage

pytestmark = pytest.mark.slow

TITLE = {"en": "Clinic visits", "zh-Hant": "門診記錄", "zh-Hans": "门诊记录"}
CHOICES = {
    "cn_class": "general",
    "personal": "sensitive",
    "basis": "consent",
    "important_status": "checked_not_notified",
    "hgr": "none",
}


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def press(page, selector, key="Enter"):
    """Press a key on a control, and wait for the page it leads to."""
    page.locator(selector).focus()
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press(key)


def said(page):
    return page.locator("main > [role=status]").inner_text()


@pytest.mark.parametrize(
    ("size", "language"), [("desktop", "en"), ("phone", "zh-Hant"), ("phone", "zh-Hans")]
)
def test_a_version_is_classified_by_two_people(open_page, site, folder, size, language):
    version = add_version(site, folder, "acquired")
    at = page_of(site, version)
    first = open_page("sam", at, size, language)
    for name, value in CHOICES.items():
        first.locator(f"#act-propose input[name={name}][value={value}]").focus()
        first.keyboard.press("Space")
    first.locator("#act-propose input[name=level][value='3']").focus()
    first.keyboard.press("ArrowDown")
    press(first, "#act-propose button")
    assert said(first)
    assert not first.locator("#act-approve").count()

    second = open_page("carl", "/inbox", size, language)
    press(second, f"#versions a[href*='{version}']")
    assert second.locator("#act-approve table tbody tr").count() == 5
    check_page(second, f"approving-{size}-{language}")
    press(second, "#act-approve button")

    assert said(second)
    known = site.node.house.classification.find(version)
    assert (4, site.actor("carl").id) == (known.level, known.approved_by)


@pytest.mark.parametrize(("size", "language"), [("phone", "en"), ("desktop", "zh-Hans")])
def test_what_cannot_be_undone_takes_the_title_and_two_people(
    open_page, site, folder, size, language
):
    version = add_version(site, folder, "deidentified")
    at = page_of(site, version)
    press(open_page("carl", at, size, language), "#act-sign button")
    first = open_page("sam", at, size, language)
    first.fill("#store-confirm", "something else")
    press(first, "#store-confirm")
    assert first.locator("#custody > [role=alert]").inner_text()
    assert "" == first.input_value("#store-confirm")
    check_page(first, f"store_refused-{size}-{language}")
    first.fill("#store-confirm", TITLE[language])
    press(first, "#store-confirm")
    assert Stage.STORED is site.node.house.holdings.get_holding(version).stage

    first.locator("#act-request_destruction summary").focus()
    first.keyboard.press("Enter")
    first.fill("#request_destruction-reason", "The study is over.")
    check_page(first, f"destruction_asked-{size}-{language}")
    press(first, "#request_destruction-reason")
    assert not first.locator("#act-approve_destruction").count()

    second = open_page("carl", at, size, language)
    second.fill("#approve_destruction-confirm", TITLE[language])
    press(second, "#approve_destruction-confirm")

    assert Stage.DESTROYED is site.node.house.holdings.get_holding(version).stage
    assert second.locator("#certificate").is_visible()
    check_page(second, f"destroyed-{size}-{language}")
