"""Negotiations on the screen: how they stand, what waits for a person, other terms, strategies."""

from urllib.parse import quote

import pytest

from rooms.web.site import FACULTY
from tidegate.connector.messages.model import Side
from tidegate.connector.negotiation.model import Act
from tidegate.connector.negotiation.strategy import AUTOMATIC, PRESETS, check_strategy
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.text import Language
from tidegate.policy.service import fields_of, from_odrl, research_policy
from tidegate.web.forms import Form
from tidegate.web.strategies import CHOICES, choice_of, make_strategy, say_strategy, template_of
from tidegate.web.terms_form import local, read_terms

LANGUAGES = {"en": "en", "zh-HK": "zh-Hant", "zh-CN": "zh-Hans"}


def path_of(site, name, more=""):
    return f"/negotiations/{site.ids[name]}{more}"


def test_a_stuck_negotiation_says_so_first_with_its_tries_and_what_to_do(site):
    text = site.browser("sam").get(path_of(site, "failing")).text

    main = text.split("<main", 1)[1]
    assert main.index("Stuck: our message has not been acknowledged") < main.index("Progress on")
    assert "3 failed tries" in main
    assert "The other node cannot be reached now." in main
    assert f'action="{path_of(site, "failing", "/retry")}"' in main
    assert "Send it now" in main


@pytest.mark.parametrize(
    ("language", "words"),
    [("zh-HK", "停滯：對方未確認收到我方訊息"), ("zh-CN", "停滞：对方未确认收到我方消息")],
)
def test_stuck_is_said_in_chinese_with_the_reason_in_chinese(site, language, words):
    text = site.browser("sam", language).get(path_of(site, "failing")).text

    assert words in text
    assert "The other node cannot be reached now." not in text


def test_a_researcher_sees_the_trouble_but_no_button_that_is_not_theirs(site):
    text = site.browser("rex").get(path_of(site, "failing")).text

    assert "Stuck: our message has not been acknowledged" in text
    assert "/retry" not in text


def test_sending_again_is_evidence_and_comes_back_to_the_page(site):
    browser = site.browser("sam")

    answer = browser.send(path_of(site, "failing", "/retry"), page=path_of(site, "failing"))

    assert "The message is sent again now." in answer.text
    assert "A message was sent again at once" in answer.text


def test_a_peer_that_does_not_answer_a_question_is_told_on_the_page(site):
    path = path_of(site, "asking")

    answer = site.browser("sam").send(f"{path}/ask", page=path)

    assert 200 == answer.status_code
    assert "The other side says: no answer about this process" in answer.text
    assert "cannot be reached" in answer.text


def test_a_transfer_is_asked_about_hurried_and_ended_from_its_page(site):
    browser, path = site.browser("sam"), f"/transfers/{site.ids['transfer']}"

    assert 200 == browser.send(f"{path}/ask", page=path).status_code
    assert 409 == browser.send(f"{path}/retry", page=path).status_code
    assert "is being ended" in browser.send(f"{path}/terminate", page=path, reason="Done.").text


def test_what_cannot_be_approved_says_why(site):
    browser, path = site.browser("sam"), path_of(site, "asking")

    answer = browser.send(f"{path}/approve", page="/inbox")

    assert 409 == answer.status_code
    assert "delete-within" in answer.text


def test_peers_are_examined_by_operators_alone(site):
    shown = site.browser("olga").send("/peers/examine", page="/peers", did="did:web:")

    assert "It is no DID this node can follow." in shown.text
    assert 403 == site.browser("sam").get("/peers").status_code
    assert 200 == site.browser("audrey").get("/peers/did:web:node.example.org").status_code


def test_every_message_leads_to_its_leaf(site):
    browser = site.browser("carl")
    text = browser.get(f"/agreements/{site.ids['given']}").text

    assert text.count("/evidence/leaves/") >= 5
    assert all(
        word in text for word in ("Request", "Agreement", "Verification", "Finalization", "we)")
    )


def test_the_list_leads_to_negotiations_without_an_agreement_and_marks_the_stuck(site):
    text = site.browser("sam").get("/agreements").text

    assert f'href="{path_of(site, "failing")}"' in text
    assert "Stuck: our message has not been acknowledged" in text


def test_the_inbox_shows_the_oldest_first_with_reasons_and_differences(site):
    text = site.browser("sam").get("/inbox").text

    places = [text.index(path_of(site, name)) for name in ("asking", "strange", "countered")]
    assert places == sorted(places)
    assert "The terms differ from the offer that is published." in text
    assert "At most 500 uses instead of 200." in text
    assert "moonPhase" in text


def test_the_menu_counts_what_waits_for_those_who_decide(site):
    assert '<span class="count">3<' in site.browser("sam").get("/").text
    assert 'class="count"' not in site.browser("rex").get("/").text
    assert 403 == site.browser("rex").get("/inbox").status_code


def test_a_transfer_has_a_page_too(site):
    answer = site.browser("sam").get(f"/transfers/{site.ids['transfer']}")

    assert 200 == answer.status_code
    assert "Tidegate-Visit" in answer.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_editor_shows_the_difference_before_anything_is_sent(site, language):
    browser, path = site.browser("sam", language), path_of(site, "asking", "/counter")

    answer = browser.send(
        path, page=path, **filled(site, "asking", r0_max_uses="100"), do="preview"
    )

    words = {
        "en": "At most 100 uses instead of 200.",
        "zh-Hant": "使用次數上限由 200 次改為 100 次。",
        "zh-Hans": "使用次数上限由 200 次改为 100 次。",
    }
    assert words[LANGUAGES[language]] in answer.text
    assert not site.node.house.negotiation.get(site.ids["asking"]).pending


def filled(site, name, **changes):
    """Fill the form as its page shows it, with some fields changed."""
    fields = fields_of(from_odrl(dict(site.node.house.negotiation.get(site.ids[name]).offer)))
    rule = fields.rules[0]
    form = {
        "terms": "1", "r0_recipients": rule.recipients, "r0_seats": rule.seats,
        "r0_seats_way": "any", "r0_purposes": rule.purposes, "r0_starts": local(rule.starts),
        "r0_until": local(rule.until), "r0_max_uses": rule.max_uses,
        "r0_minimum_cell": rule.minimum_cell, "r0_review": rule.review, "r0_in_place": "1",
        "log": "1", "delete_within_days": fields.delete_within_days,
    }  # fmt: skip
    return form | changes


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"r0_max_uses": "lots"}, "whole"),
        ({"r0_until": "soon"}, "year, month, day"),
        ({"r0_starts": "2030-01-01T00:00"}, "ends before it begins"),
    ],
)
def test_terms_that_cannot_be_kept_are_refused_with_the_reason(site, changes, words):
    browser, path = site.browser("sam"), path_of(site, "asking", "/counter")

    answer = browser.send(path, page=path, **filled(site, "asking", **changes), do="send")

    assert 400 == answer.status_code
    assert words in answer.text


def test_terms_with_an_unknown_constraint_are_named_and_the_form_starts_from_the_offer(site):
    text = site.browser("sam", "zh-HK").get(path_of(site, "strange", "/counter")).text

    assert "本節點無法執行對方的條款" in text
    assert "https://example.org/moonPhase" in text
    assert 'name="r0_max_uses"' in text


def test_other_terms_cannot_be_proposed_while_a_message_is_on_its_way(site):
    assert 409 == site.browser("sam").get(path_of(site, "failing", "/counter")).status_code


def test_a_consumer_sends_a_counter_request_from_the_form(site):
    browser, path = site.browser("sam"), path_of(site, "countered", "/counter")

    answer = browser.send(path, page=path, **filled(site, "countered", r0_max_uses="80"), do="send")

    one = site.node.house.negotiation.get(site.ids["countered"])
    assert "Your terms were sent." in answer.text
    assert (Side.CONSUMER, "80") == (one.offered_by, fields_of(from_odrl(dict(one.offer))).rules[
        0].max_uses)  # fmt: skip


def test_a_strategy_is_chosen_from_the_offer_and_said_in_words(site):
    browser, path = site.browser("sam"), f"/offers/{site.ids['offer']}/strategy"

    answer = browser.send(path, page=path, choice="refuse", reason="We are moving house.")

    assert "From now on this node answers like this." in answer.text
    assert "We are moving house." in answer.text
    strategy = site.node.house.negotiation.find_strategy(site.ids["offer"])
    assert Act.REFUSE is strategy.reaction_to(Side.PROVIDER, "REQUESTED").act


def test_a_counter_strategy_keeps_the_terms_of_the_form(site):
    browser, path = site.browser("sam"), f"/offers/{site.ids['offer']}/strategy"
    form = filled(site, "asking", r0_max_uses="7")

    shown = browser.send(path, page=path, choice="counter", do="preview", **form)
    browser.send(path, page=path, choice="counter", do="set", **form)

    assert "At most 7 uses instead of 200." in shown.text
    strategy = site.node.house.negotiation.find_strategy(site.ids["offer"])
    kept = from_odrl({"@type": "Offer", **template_of(strategy, Side.PROVIDER)})
    assert "7" == fields_of(kept).rules[0].max_uses
    browser.send(path, page=path, choice="automatic", do="set")


def test_a_strategy_for_a_dataset_of_a_peer_is_the_consumers(site):
    browser, path = site.browser("sam"), "/datasets/ds_peer/strategy"

    browser.send(path, page=path, choice="accept")

    strategy = site.node.house.negotiation.find_strategy(f"{FACULTY.did}#ds_peer")
    assert Act.ACCEPT is strategy.reaction_to(Side.CONSUMER, "OFFERED").act
    assert 404 == browser.get("/datasets/none/strategy").status_code


def test_a_researcher_reads_a_strategy_and_cannot_choose_one(site):
    browser, path = site.browser("rex"), f"/offers/{site.ids['offer']}/strategy"

    assert 'name="choice"' not in browser.get(path).text
    assert 403 == browser.send(path, page="/", choice="wait").status_code


@pytest.mark.parametrize("side", Side)
def test_every_choice_makes_a_strategy_that_can_be_followed_and_is_recognised(side):
    for choice in CHOICES[side]:
        made = make_strategy(side, choice, terms=research_policy().terms(), reason="Why.")

        assert check_strategy(made) is made
        assert choice == choice_of(made, side)


def test_a_choice_that_a_side_does_not_have_is_refused():
    with pytest.raises(InvalidError):
        make_strategy(Side.CONSUMER, "automatic")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("side", Side)
def test_every_ready_strategy_has_words(side, language):
    for strategy in PRESETS.values():
        lines = say_strategy(strategy, side, language)

        assert len(lines) == sum(one.side is side for one in strategy.reactions)
    assert "automatic" == choice_of(AUTOMATIC, Side.PROVIDER)


def test_a_form_that_was_not_shown_changes_nothing():
    policy = research_policy(max_uses=3)

    assert policy is read_terms(Form({}), policy)


def test_a_person_refuses_from_the_inbox_with_a_reason(site):
    browser, path = site.browser("sam"), path_of(site, "strange")

    answer = browser.send(f"{path}/terminate", page="/inbox", reason="We cannot keep that.")

    one = site.node.house.negotiation.get(site.ids["strange"])
    assert "The negotiation is being ended" in answer.text
    assert ("We cannot keep that.", True) == (one.reason, bool(one.pending))


ASKING = f"/datasets/ds_peer/terms?publisher={quote(FACULTY.did, safe='')}"


def asked_form(site, **changes):
    """Fill the form for other terms as its page shows it, with some fields changed."""
    record = site.node.house.catalogue.find_harvested("ds_peer")
    fields = fields_of(record.dataset.offers[0].policy)
    rule = fields.rules[0]
    form = {
        "offer": "offer_peer", "terms": "1", "r0_recipients": rule.recipients,
        "r0_seats": rule.seats, "r0_seats_way": "any", "r0_purposes": rule.purposes,
        "r0_starts": local(rule.starts), "r0_until": local(rule.until),
        "r0_max_uses": rule.max_uses, "r0_minimum_cell": rule.minimum_cell,
        "r0_review": rule.review, "r0_in_place": "1", "log": "1",
        "delete_within_days": fields.delete_within_days,
    }  # fmt: skip
    return form | changes


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "Ask for other terms"), ("zh-HK", "請求其他條款"), ("zh-CN", "请求其他条款")],
)
def test_other_terms_are_asked_for_from_the_dataset_with_the_difference_first(
    site, language, words
):
    browser, path = site.browser("rex", language), f"{ASKING}&offer=offer_peer"
    page = browser.get("/datasets/ds_peer").text
    assert f'href="{ASKING}&amp;offer=offer_peer">{words}<' in page
    before = len(site.node.house.negotiation.list_negotiations())

    shown = browser.send(ASKING, page=path, **asked_form(site, r0_max_uses="7"), do="preview")

    assert shown.status_code == 200
    assert 'class="changes"' in shown.text
    assert len(site.node.house.negotiation.list_negotiations()) == before


def test_asking_for_terms_that_rest_on_a_word_needs_that_word(site):
    browser, path = site.browser("rex"), f"{ASKING}&offer=offer_peer"
    form = asked_form(site, delete_within_days="30", r0_max_uses="7")

    answer = browser.send(ASKING, page=path, **form, do="send")

    assert answer.status_code == 400
    assert 'name="accepts" value="delete-within"' in answer.text


def test_only_an_offer_of_a_peer_has_such_a_page(site):
    assert 404 == site.browser("rex").get(f"{ASKING}&offer=offer_else").status_code
    assert 404 == site.browser("rex").get("/datasets/ds_none/terms?offer=offer_peer").status_code
