"""What a hostile browser sends is refused, never a breakdown, and costs the node little."""

import pytest

from rooms.web.site import token_of
from tidegate.web.forms import LARGEST_FIELD


@pytest.mark.parametrize("number", ["²", "9" * 5000, "-1", "1e9", "99999999999999999999"])
@pytest.mark.parametrize(
    "path", ["/catalogue?from={}", "/evidence?before={}", "/evidence/leaves/{}"]
)
def test_an_odd_number_in_an_address_breaks_no_page(site, path, number):
    answer = site.browser("olga").get(path.format(number))

    assert answer.status_code in {200, 404}


def test_an_odd_weight_of_a_language_breaks_no_page(site):
    answer = site.browser().get("/sign-in", headers={"Accept-Language": b"en;q=\xb2, zh;q=0.5"})

    assert 200 == answer.status_code


def test_no_page_takes_a_file(site):
    browser = site.browser()
    token = token_of(browser.get("/sign-in").text)
    answer = browser.post("/sign-in", data={"csrf": token}, files={"file": ("big", b"x" * 100)})

    assert 400 == answer.status_code


@pytest.mark.parametrize("options", ["data", "files"])
def test_an_endless_field_is_not_read_to_its_end(site, options):
    endless = "x" * (LARGEST_FIELD + 1)
    fields = {"email": endless} if options == "data" else {"email": (None, endless)}
    answer = site.browser().post("/sign-in", **{options: fields})

    assert 400 == answer.status_code


def test_a_link_made_to_deceive_does_not_turn_the_button_to_another_form(site):
    page = site.browser("sam").get("/sign-in/link/..%5C..%5Coffers%5Coffer_1%5Cwithdraw%3F")

    assert 'action="/sign-in/link/..%5C..%5Coffers%5Coffer_1%5Cwithdraw%3F"' in page.text
