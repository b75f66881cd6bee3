"""Forms that a browser sends twice at once, at running nodes: what they make is made once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import quote

import httpx
import pytest

from lib.forms import form_of
from tidegate.web.paths import dataset_path

pytestmark = pytest.mark.slow


def path_of(world, rest=""):
    """Return the address of the hospital's dataset, or of a part of it, at the faculty's node."""
    own = world.faculty.did
    return dataset_path(world.dataset, world.hospital.did, rest, own=own)


def pressed_twice(browser, path, form):
    """Send the very same form two times at the same moment, as a double click does."""
    start = Barrier(2)

    def press():
        with httpx.Client(
            base_url=browser.base_url, cookies=browser.cookies, follow_redirects=True, timeout=60
        ) as one:
            start.wait(60)
            return one.post(path, data=form)

    with ThreadPoolExecutor(2) as hands:
        presses = [hands.submit(press) for _ in range(2)]
        return [each.result() for each in presses]


def fine(answers):
    return [200, 200] == [one.status_code for one in answers] and 1 == len(
        {one.url.path for one in answers}
    )


def test_asking_for_an_agreement_twice_opens_one_negotiation(world):
    action = path_of(world, "/negotiate")
    known = world["researcher"].connector.list_negotiations()
    with world.browser(world.faculty, "Researcher") as browser:
        page = browser.get(path_of(world)).text
        answers = pressed_twice(
            browser, action, form_of(page, action) | {"accepts": "delete-within"}
        )

    assert fine(answers), [(one.status_code, one.text[:3000]) for one in answers]
    made = world["researcher"].connector.list_negotiations()
    assert 1 == len(made) - len(known)
    (new,) = {one.pid for one in made} - {one.pid for one in known}
    world.provided(next(one for one in made if one.pid == new))
    theirs = world["counsel_cn"].connector.list_negotiations()
    assert 1 == sum(one.peer_pid == new for one in theirs)


def test_proposing_terms_twice_opens_one_negotiation(world):
    path = path_of(world, "/terms")
    known = {one.pid for one in world["researcher"].connector.list_negotiations()}
    with world.browser(world.faculty, "Researcher") as browser:
        page = browser.get(f"{path}&offer={world.offer}").text
        sent = form_of(page, path) | {"do": "send", "accepts": "delete-within", "r0-uses": "7"}
        answers = pressed_twice(browser, path, sent)

    assert fine(answers), [(one.status_code, one.text[:3000]) for one in answers]
    made = {one.pid for one in world["researcher"].connector.list_negotiations()}
    assert 1 == len(made - known)


def test_asking_for_rows_and_letting_them_go_twice_moves_them_once(world):
    agreement = world.agree()
    asking = f"/agreements/{quote(agreement)}/rows"
    with world.browser(world.faculty, "Researcher") as browser:
        page = browser.get(f"/agreements/{agreement}").text
        answers = pressed_twice(browser, asking, form_of(page, asking))
    assert fine(answers), [(one.status_code, one.text[:3000]) for one in answers]
    mine = [one for one in world["researcher"].connector.list_transfers()
            if one.agreement_id == agreement]  # fmt: skip
    assert 1 == len(mine)

    question = world.question(agreement)
    approving = f"/rows-approvals/{question.id}/approve"
    with world.browser(world.hospital, "Zhou") as browser:
        page = browser.get("/inbox").text
        sent = form_of(page, approving) | {"reason": "Contract 12 covers these rows."}
        answers = pressed_twice(browser, approving, sent)
    assert fine(answers), [(one.status_code, one.text[:3000]) for one in answers]
    assert "COMPLETED" == world["researcher"].rows.wait(mine[0].pid, seconds=60).state


def test_approving_a_negotiation_twice_agrees_once(world):
    waiting = world.provided(world.ask())
    action = f"/negotiations/{waiting.pid}/approve"
    with world.browser(world.hospital, "Zhou") as browser:
        page = browser.get(f"/negotiations/{waiting.pid}").text
        answers = pressed_twice(
            browser, action, form_of(page, action) | {"accepts": "delete-within"}
        )

    assert fine(answers), [(one.status_code, one.text[:3000]) for one in answers]
    done = world["counsel_cn"].connector.wait_until_final(waiting.pid)
    assert "FINALIZED" == done.state
    agreed = [leaf for leaf, _ in world.leaves("auditor_cn", f"negotiation:{waiting.pid}")
              if leaf == "negotiation.agreed"]  # fmt: skip
    assert 1 == len(agreed)
