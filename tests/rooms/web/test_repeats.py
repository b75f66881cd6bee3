"""A form that is sent twice makes one thing."""

import json
import re
import threading
from dataclasses import replace

import pytest
from starlette.responses import RedirectResponse, Response

from rooms.web.site import COUNT, token_of
from tidegate.kernel.errors import ConflictError, UnavailableError
from tidegate.web.repeats import Repeats, key_of

NEW = "/queries/new"


def filled(browser, site, **fields):
    """Return the fields of the form for a query, as a person fills it in."""
    html = browser.get(NEW).text
    once = re.search(r'name="once" value="([^"]+)"', html)[1]
    asked = {"agreement": site.ids["taken"], "document": json.dumps(COUNT[0])}
    return {"csrf": token_of(html), "once": once, **asked, **fields}


class Counted:
    """The room of queries, which counts what is submitted instead of asking another node."""

    def __init__(self, room):
        self._room, self.submitted = room, 0

    def __getattr__(self, name):
        return getattr(self._room, name)

    def submit(self, *_asked, **_more):
        self.submitted += 1
        return self._room.get("asked_count", by=self.actor)


@pytest.fixture
def room(site):
    counted = Counted(site.node.house.queries)
    counted.actor = site.actor("rex")
    return counted


@pytest.fixture
def browser(site, room):
    return site.browser("rex", house=replace(site.node.house, queries=room))


def test_a_form_sent_twice_makes_one_query_and_leads_to_it_twice(site, room, browser):
    form = filled(browser, site)

    answers = [browser.post("/queries", data=form) for _ in range(3)]

    assert (1, [200] * 3) == (room.submitted, [one.status_code for one in answers])
    assert {"/queries/asked_count"} == {one.url.path for one in answers}


def test_a_fresh_form_and_other_fields_make_another_query(site, room, browser):
    form = filled(browser, site)

    browser.post("/queries", data=form)
    browser.post("/queries", data={**form, "more": "7"})
    browser.post("/queries", data=filled(browser, site))

    assert 3 == room.submitted


class Clearing:
    """The room of releases, in which a result is cleared once and then waits no longer."""

    def __init__(self, room):
        self._room, self.cleared = room, []

    def __getattr__(self, name):
        return getattr(self._room, name)

    def clear(self, run_id, *, by):
        if self.cleared:
            raise ConflictError("The result waits for nobody.", code="not_waiting")
        self.cleared.append((run_id, by.id))


def test_a_result_cleared_twice_at_once_is_cleared_once_and_said_to_be_so_twice(site):
    room = Clearing(site.node.house.releases)
    browser = site.browser("cher", house=replace(site.node.house, releases=room))
    html = browser.get("/checking").text
    form = {"csrf": token_of(html), "once": "one-rendering", "decision": "clear"}

    answers = browser.together(*[("/checking/run_1", form)] * 2)

    assert [("run_1", site.actor("cher").id)] == room.cleared
    assert [200, 200] == [one.status_code for one in answers]
    assert ["said=result_cleared"] * 2 == [one.url.query.decode() for one in answers]


def test_a_result_cleared_from_another_page_is_told_to_wait_no_longer(site):
    room = Clearing(site.node.house.releases)
    browser = site.browser("cher", house=replace(site.node.house, releases=room))
    token = token_of(browser.get("/checking").text)

    answers = [
        browser.post("/checking/run_1", data={"csrf": token, "once": page, "decision": "clear"})
        for page in ("one", "another")
    ]

    assert [200, 409] == [one.status_code for one in answers]


def test_a_form_that_was_refused_is_read_again(site):
    browser = site.browser("rex")
    form = filled(browser, site, document="{")

    assert [400, 400] == [browser.post("/queries", data=form).status_code for _ in range(2)]


def test_what_failed_may_be_sent_again():
    repeats, tries = Repeats(), []

    def act():
        tries.append(1)
        if len(tries) == 1:
            raise UnavailableError("The disk is full.")
        return Response(status_code=400) if len(tries) == 2 else RedirectResponse("/x", 303)

    with pytest.raises(UnavailableError):
        repeats.once("key", act)
    codes = [repeats.once("key", act).status_code for _ in range(3)]

    assert ([400, 303, 303], 3) == (codes, len(tries))


def test_two_at_the_same_moment_make_one():
    repeats, acts, entered, leave = Repeats(), [], threading.Event(), threading.Event()

    def act():
        acts.append(1)
        entered.set()
        assert leave.wait(60)
        return RedirectResponse("/made", 303)

    answers = []
    senders = [
        threading.Thread(target=lambda: answers.append(repeats.once("key", act))) for _ in range(2)
    ]
    senders[0].start()
    assert entered.wait(60)
    senders[1].start()
    leave.set()
    for one in senders:
        one.join(60)

    assert (1, ["/made", "/made"]) == (len(acts), [one.headers["location"] for one in answers])


def test_only_the_forms_of_late_are_kept():
    repeats, acts = Repeats(most=2), []

    def act():
        acts.append(1)
        return RedirectResponse("/x", 303)

    for key in ("a", "b", "c", "c", "a"):
        repeats.once(key, act)

    assert 4 == len(acts)


def test_the_name_of_a_form_tells_browsers_places_and_fields_apart():
    values = {"once": ("1",), "text": ("陳", "\udce5")}
    names = {
        key_of("seed", "/a", values),
        key_of("other", "/a", values),
        key_of("seed", "/b", values),
        key_of("seed", "/a", {**values, "once": ("2",)}),
    }

    assert 4 == len(names)
    assert key_of("seed", "/a", dict(reversed(values.items()))) in names
