"""Every page by keyboard alone: Tab reaches each control in its order, and focus can be seen."""

import pytest

from lib.screens import CASES, PAGES

pytestmark = pytest.mark.slow

CONTROLS = """() => {
  // Mark what a keyboard must reach: of radio buttons of one name, one.
  const wanted = "a[href], button, input, select, textarea, summary, [tabindex]";
  const seen = new Set();
  let number = 0;
  for (const one of document.querySelectorAll(wanted)) {
    if (one.disabled || one.type === "hidden" || one.tabIndex < 0) continue;
    if (!one.checkVisibility({ visibilityProperty: true })) continue;
    if (one.type === "radio") {
      const group = `${one.form?.action} ${one.name}`;
      const checked = one.form?.querySelector(`input[name="${one.name}"]:checked`);
      if (seen.has(group) || (checked && checked !== one)) continue;
      seen.add(group);
    }
    one.dataset.walk = number++;
  }
  return number;
}"""
WATCH = """() => {
  // Keep what has the focus whenever Tab is pressed, before it moves on; null is the page itself.
  const focused = () => {
    const one = document.activeElement;
    if (!one || one === document.body) return null;
    const style = getComputedStyle(one), place = one.getBoundingClientRect();
    const ringed = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    return {
      number: one.dataset.walk === undefined ? -1 : Number(one.dataset.walk),
      what: one.outerHTML.slice(0, 120),
      isSeen: ringed && place.width > 0 && place.height > 0 && place.bottom > 0
        && place.top < innerHeight && place.right > 0 && place.left < innerWidth,
      isSkip: one.classList.contains("skip"),
    };
  };
  const passed = [];
  addEventListener("keydown", () => passed.push(focused()), { capture: true });
  window.stops = () => [...passed, focused()].slice(1);
}"""
DEAF = """() => [
  ...document.querySelectorAll("[onclick], [role=button]:not(button), a:not([href])"),
]
  .map((one) => one.outerHTML.slice(0, 120))"""


def walk(page, least, most):
    """Press Tab until the page is left; return what had the focus, in turn."""
    page.evaluate(WATCH)
    for pressed in range(most):
        page.keyboard.press("Tab")
        if pressed >= least and None in (stops := page.evaluate("stops()")):
            return stops[: stops.index(None)]
    return page.evaluate("stops()")


@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize(("who", "name"), CASES, ids=[name for _, name in CASES])
def test_tab_reaches_every_control_in_its_order_and_the_focus_is_seen(open_page, who, name, size):
    page = open_page(who, PAGES[who][name], size)
    count = page.evaluate(CONTROLS)

    stops = walk(page, count, count + 60)

    assert stops[0]["isSkip"]
    assert [] == [stop["what"] for stop in stops if not stop["isSeen"]]
    numbers = [stop["number"] for stop in stops if stop["number"] >= 0]
    assert sorted(set(numbers)) == list(dict.fromkeys(numbers)), "the order jumps"
    assert set(range(count)) == set(numbers), "a control is never reached"
    assert [] == page.evaluate(DEAF)


@pytest.mark.parametrize(
    ("who", "name"),
    [("sam", "dataset"), ("sam", "inbox"), ("carl", "rows_inbox"), ("rex", "query_cross")],
)
@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_what_folds_is_opened_and_closed_by_keyboard(open_page, who, name, key):
    page = open_page(who, PAGES[who][name])
    folds = page.locator("main details > summary")
    assert folds.count()

    for fold in folds.all():
        if not fold.is_visible():
            continue
        before = fold.evaluate("one => one.parentElement.open")
        fold.focus()
        page.keyboard.press(key)
        assert before is not fold.evaluate("one => one.parentElement.open")


def test_boxes_are_ticked_and_choices_made_by_keyboard(open_page):
    page = open_page("sam", "/negotiations/{asking}/counter")
    boxes = page.locator("main input[type=checkbox]:visible")
    assert boxes.count() > 3

    for box in boxes.all():
        before = box.is_checked()
        box.focus()
        page.keyboard.press("Space")
        assert before is not box.is_checked()
    page.goto(page.url.split("/negotiations")[0] + "/offers/{offer}/strategy".format(**page.ids))
    choice = page.locator("#choice")
    before = choice.input_value()
    choice.focus()
    page.keyboard.press("ArrowDown")
    assert before != choice.input_value()


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_button_is_pressed_by_either_key(open_page, key):
    page = open_page("olga", "/peers")
    button = page.locator("main table button").first if page.locator("main table").count() else None
    button = button or page.locator("main form button").last
    if not page.locator("main table").count():
        page.fill("#did", "did:web:localhost%3A9")

    button.focus()
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press(key)

    assert page.locator(".checks > li").count()


@pytest.mark.parametrize("language", ["en", "zh-Hant", "zh-Hans"])
def test_the_skip_link_leads_to_the_content_and_tab_goes_on_from_there(open_page, language):
    page = open_page("rex", "/catalogue", "desktop", language)

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/catalogue#main")
    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.closest('main') !== null")
