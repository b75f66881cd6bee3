"""Planes on the screen: operators register and forget them, a legal officer opens datasets."""

from dataclasses import replace

import pytest

from rooms.web.negotiations import ask
from tidegate.access.model import Role
from tidegate.connector.signaling.model import PROFILE_PULL, Asked, PlaneKind

WHERE = "https://connector.example.org/signaling"


def register(browser, **other):
    said = {"kind": "dataplane", "name": "copier", "endpoint": WHERE, "serves": PROFILE_PULL,
            "secret": "what we present"}  # fmt: skip
    return browser.send("/planes/register", page="/planes", **said | other)


@pytest.fixture
def waiting(site):
    """A control plane whose datasets wait for a legal officer."""
    signaling, by = site.node.house.signaling, site.actor("olga")
    steward = replace(by, roles=by.roles | {Role.STEWARD})
    asked = Asked(PlaneKind.CONTROL, "second", WHERE, "bearer", "s", datasets=("ds_own",))
    yield signaling.register(asked, by=steward).plane
    signaling.remove(PlaneKind.CONTROL, "second", by=steward)


def test_an_operator_registers_a_plane_reads_its_token_once_and_forgets_it(site):
    browser = site.browser("olga")

    made = register(browser)

    token = made.text.split("shown only now:", 1)[1].split("<code>", 1)[1].split("<", 1)[0]
    assert len(token) >= 32
    assert "copier" in browser.get("/planes").text
    assert token not in browser.get("/planes").text
    gone = browser.send("/planes/remove", page="/planes", kind="dataplane", name="copier")
    assert "The plane was forgotten" in gone.text
    assert 'id="plane-1"' not in gone.text


def test_a_registration_that_cannot_be_kept_is_refused_in_words(site):
    answer = register(site.browser("olga"), accepts="short")

    assert 400 == answer.status_code
    assert "at least 32 characters" in answer.text


def test_a_legal_officer_opens_the_datasets_that_wait(site, waiting):
    browser = site.browser("carl")
    assert "Waits for a legal officer" in browser.get("/planes").text

    said = {"name": "second", "ground": "Our second connector.", "seen": waiting.changed_at}
    opened = browser.send("/planes/approve", page="/planes", **said)

    assert "Our second connector." in opened.text
    assert "Waits for a legal officer" not in opened.text
    (kept,) = site.node.house.signaling.list_planes(by=site.actor("carl"))
    assert kept.open_datasets == ("ds_own",)


def test_what_was_registered_anew_is_not_approved_as_it_was_seen(site, waiting):
    said = {"name": "second", "ground": "Our second connector.", "seen": "before"}

    answer = site.browser("carl").send("/planes/approve", page="/planes", **said)

    assert 403 == answer.status_code
    assert "look at it again" in answer.text
    assert waiting.open_datasets == ()


@pytest.mark.parametrize("who", ["sam", "audrey"])
def test_who_may_read_planes_may_not_change_them(site, waiting, who):
    browser = site.browser(who)
    text = browser.get("/planes").text

    assert "A legal officer of this institution decides." in text
    assert "/planes/register" not in text
    assert "/planes/approve" not in text
    said = {"name": "second", "ground": "Because.", "seen": waiting.changed_at}
    assert 403 == browser.send("/planes/approve", page="/planes", **said).status_code
    assert 403 == register(browser).status_code


def test_a_researcher_sees_no_planes(site):
    browser = site.browser("rex")

    assert 403 == browser.get("/planes").status_code
    assert 'href="/planes"' not in browser.get("/").text


@pytest.mark.parametrize("language", ["en", "zh-HK", "zh-CN"])
def test_the_page_renders_in_every_language(site, waiting, language):
    assert waiting.id in site.browser("olga", language).get("/planes").text


def test_rows_of_a_hosted_flow_that_wait_for_a_person_stand_in_the_inbox(site):
    one = ask(site, "flow_of_another_plane", "XB-98")
    browser = site.browser("carl")

    text = browser.get("/inbox").text

    assert f'id="approval-{one.id}"' in text
    assert "/transfers/flow_of_another_plane" not in text
    path = f"/rows-approvals/{one.id}/refuse"
    assert 200 == browser.send(path, page="/inbox", reason="No.").status_code
