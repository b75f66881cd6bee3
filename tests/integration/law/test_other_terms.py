"""An agreement on other terms than the published ones, asked for and decided over HTTP."""

import re
from html import unescape

import httpx
import pytest

from lib.law_world import ON_THEIR_WORD, TERMS
from tidegate_client.errors import NodeError

pytestmark = pytest.mark.slow

CHANGED = {**TERMS, "max_uses": 3, "delete_within_days": 7}


@pytest.fixture
def wanted(world):
    """Fewer uses and an earlier deletion than published, as the SDK writes them."""
    return world["researcher"].policies.terms(**CHANGED)


def test_other_terms_wait_for_a_person_who_sees_the_difference_and_agrees(world, wanted):
    asked = world.ask(terms=wanted)
    waiting = world.provided(asked)

    assert (waiting.state, waiting.waiting, waiting.reason_code) == (
        "REQUESTED", "person", "terms_differ",
    )  # fmt: skip
    assert rules_of(waiting.offer) == wanted
    with world.browser(world.hospital, "Zhou") as browser:
        assert f"/negotiations/{waiting.pid}/approve" in browser.get("/inbox").text
        page = browser.get(f"/negotiations/{waiting.pid}").text
    told = differences_on(page)
    assert any("3" in one and "50" in one for one in told)
    assert any("7 days" in one and "30 days" in one for one in told)
    assert len(told) == 2

    with pytest.raises(NodeError) as unread:
        world["counsel_cn"].connector.approve(waiting.pid)
    assert "delete-within" in unread.value.message
    world["counsel_cn"].connector.approve(waiting.pid, accepts=ON_THEIR_WORD)
    done = world.final(asked)

    assert done.state == "FINALIZED"
    theirs = world.provided(asked)  # who finalizes knows last that both have the agreement
    agreed = [world[key].agreements.get(done.agreement_id) for key in ("counsel_hk", "counsel_cn")]
    assert agreed[0].odrl == agreed[1].odrl
    assert rules_of(agreed[0].odrl) == wanted
    assert agreed[0].digest == agreed[1].digest
    said = [rules_of(one.agreement) for one in (done, theirs)]
    assert said == [wanted, wanted]


def test_what_was_agreed_on_other_terms_is_what_is_counted(world):
    once = world["researcher"].policies.terms(**{**TERMS, "max_uses": 1})
    asked = world.ask(terms=once)
    world["counsel_cn"].connector.approve(world.provided(asked).pid, accepts=ON_THEIR_WORD)
    agreement = world.final(asked).agreement_id
    first = world.fetch(agreement)
    world["counsel_cn"].rows.approve(world.question(agreement).id, "Storage agreement 7.")
    assert world["researcher"].rows.wait(first, seconds=60).state == "COMPLETED"

    over = world["researcher"].rows.wait(world.fetch(agreement), seconds=60)

    assert (over.state, over.reason_code) == ("TERMINATED", "uses_spent")


def test_other_terms_that_a_person_refuses_end_the_negotiation_with_the_reason(world, wanted):
    asked = world.ask(terms=wanted)
    waiting = world.provided(asked)

    world["counsel_cn"].connector.terminate(waiting.pid, "Ten uses at least, or none.")
    done = world.final(asked)

    for one in (done, world.provided(asked)):
        assert one.state == "TERMINATED"
        assert "Ten uses at least, or none." in one.reason
        assert not one.agreement_id


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ("unknown", (400, "action_unknown")),
        ("own form", (400, "key_unknown")),
        ("unaccepted", (409, "attestation_unaccepted")),
    ],
)
def test_terms_that_cannot_be_asked_for_are_refused_before_anything_is_sent(
    world, wanted, change, refused
):
    before = len(world["counsel_cn"].connector.list_negotiations())
    own_form = world["researcher"].policies.research(**TERMS)
    terms, accepts = {
        "unknown": ({**wanted, "permission": [{"action": "urn:fly"}]}, ON_THEIR_WORD),
        "own form": (own_form, ON_THEIR_WORD),
        "unaccepted": (wanted, ()),
    }[change]

    answer = httpx.post(
        f"{world.faculty.base_url}/api/v1/negotiations",
        json={
            "provider": world.hospital.did, "dataset_id": world.dataset, "offer_id": world.offer,
            "terms": terms, "accepts": accepts,
        },
        headers={"Authorization": f"Bearer {world.faculty.token}"},
    )  # fmt: skip

    assert (answer.status_code, answer.json()["code"]) == refused
    assert len(world["counsel_cn"].connector.list_negotiations()) == before


def rules_of(document):
    """Return the rules of an offer or agreement, without whose and what they are about."""
    return {name: document[name] for name in ("permission", "obligation")}


def differences_on(page):
    """Return the differences a page shows, in words."""
    (shown,) = re.findall(r'<ul class="changes">(.*?)</ul>', page, re.DOTALL)
    return [unescape(re.sub(r"<[^>]+>", " ", one)) for one in shown.split("</li>") if one]
