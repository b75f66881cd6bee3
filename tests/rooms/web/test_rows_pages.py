"""Rows on the screen: what asks for an approval, the answer, its withdrawal, and the progress."""

import pytest

from tidegate.kernel.text import Language
from tidegate.web.messages import find_words


def card(text, site):
    return text.split(f'id="approval-{site.ids["waiting"]}"', 1)[1].split("</article>", 1)[0]


def test_the_inbox_says_what_goes_to_whom_and_which_rules_ask_in_words(site):
    text = card(site.browser("carl").get("/inbox").text, site)

    assert "asks for the rows themselves." in text
    assert "Rows that leave Hong Kong need a recommended model contract." in text
    assert all(rule in text for rule in ("HK-PDPO-02", "CN-EXP-04", "mech.kind"))
    assert f'href="/transfers/{site.ids["rows_asked"]}"' in text
    assert "/approve" in text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh-HK", "數據行離開香港須有建議的合約範本。"),
        ("zh-CN", "数据行离开香港须有建议的合同范本。"),
    ],
)
def test_the_rules_speak_the_readers_language(site, language, words):
    assert words in card(site.browser("carl", language).get("/inbox").text, site)


def test_a_steward_reads_the_question_and_cannot_answer_it(site):
    browser = site.browser("sam")
    text = card(browser.get("/inbox").text, site)

    assert "A legal officer of this institution decides." in text
    assert "/approve" not in text
    path = f"/rows-approvals/{site.ids['waiting']}/approve"
    assert 403 == browser.send(path, page="/inbox", reason="Because.").status_code


def test_a_researcher_sees_no_questions_on_the_page_of_an_agreement(site):
    path = f"/agreements/{site.ids['given']}"

    assert 'id="approvals"' not in site.browser("rex").get(path).text
    assert 'id="approvals"' in site.browser("audrey").get(path).text
    assert "Withdraw the approval" not in site.browser("audrey").get(path).text


@pytest.mark.parametrize(
    ("language", "words", "act"),
    [
        ("en", "Waiting: the legal officer here has been asked", "Answer the question"),
        ("zh-Hant", "等待中：已請本節點的法務人員決定", "答覆此問題"),
        ("zh-Hans", "等待中：已请本节点的法务人员决定", "答复此问题"),
    ],
)
def test_a_request_that_waits_for_an_answer_says_so_on_its_page(site, language, words, act):
    path = f"/transfers/{site.ids['rows_asked']}"
    legal = site.browser("carl", language).get(path).text
    steward = site.browser("sam", language).get(path).text
    stuck = find_words(Language(language), "stuck.badge")

    assert words in legal
    assert words in steward
    assert f'href="/inbox#rows-questions">{act}<' in legal
    assert act not in steward
    assert f'<span class="badge bad">{stuck}</span>' not in legal
    assert find_words(Language(language), "stuck.held") not in legal


def test_a_request_that_waits_for_an_answer_is_not_called_stuck_in_the_inbox(site):
    text = site.browser("carl").get("/inbox").text

    assert f"/transfers/{site.ids['rows_asked']}" not in text.split("Stuck elsewhere", 1)[-1]


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "The other side cannot answer now."), ("zh-HK", "對方暫時無法回應。")],
)
def test_what_hinders_rows_is_said_in_words_with_the_tries(site, language, words):
    text = site.browser("rex", language).get(f"/transfers/{site.ids['rows_coming']}").text

    assert words in text
    assert "2,500,000 / 4,000,000" in text


def test_refusing_approving_and_withdrawing_are_answered_on_the_page_and_in_the_chain(site):
    browser, path = site.browser("carl"), f"/rows-approvals/{site.ids['waiting']}"
    refused = browser.send(f"{path}/refuse", page="/inbox", reason="No contract yet.")
    assert "The rows stay" in refused.text
    assert f'id="approval-{site.ids["waiting"]}"' not in refused.text

    approved = browser.send(f"{path}/approve", page="/inbox", reason="Contract 9.")
    assert "The rows may leave" in approved.text
    page = f"/agreements/{site.ids['given']}"
    withdrawn = browser.send(f"{path}/withdraw", page=page, reason="Contract 9 is void.")
    assert "The approval was withdrawn." in withdrawn.text
    assert "Contract 9 is void." in withdrawn.text
    for said in ("Rows refused by a person", "Approval of rows withdrawn"):
        assert said in withdrawn.text
    assert 409 == browser.send(f"{path}/withdraw", page=page, reason="Again.").status_code


def test_a_transfer_that_moves_marks_what_is_fetched_again_and_a_visit_does_not(site):
    browser, path = site.browser("sam"), f"/transfers/{site.ids['rows']}"
    text = browser.get(path).text

    assert f'id="transfer-rows" data-live="{path}"' in text
    assert f'id="transfer-state" data-live="{path}"' in text
    assert "1,000,000 / 4,000,000" in text
    assert "data-live" not in browser.get(f"/transfers/{site.ids['transfer']}").text
