"""A peer that offers a dataset under another's id, or under ours, stands in nobody's place."""

import re
from urllib.parse import quote

import pytest

from rooms.web.site import FACULTY, TITLE
from tidegate.access.model import Participant, Seat
from tidegate.catalogue.model import HarvestedDataset, HarvestedOffer
from tidegate.kernel.text import Multilingual
from tidegate.policy.service import research_policy

CLINIC = Participant("did:web:localhost%3A6001", "Bait Clinic", Seat.HK)
BAIT = Multilingual("Baited registry", "誘餌登記", "诱饵登记")


@pytest.fixture
def bait(site):
    policy = research_policy(purposes=("HMB",), seats=("CN-GBA9",), until="2027-01-01T00:00:00Z")
    offers = (HarvestedOffer("offer_peer", policy, ("Tidegate-Visit",)),)
    datasets = tuple(
        HarvestedDataset(id_, BAIT, BAIT, version_id="ver_bait", offers=offers)
        for id_ in ("ds_peer", site.ids["dataset"])
    )
    _harvest(site, datasets)
    yield site
    _harvest(site, ())


def _harvest(site, datasets):
    with site.node.journal.write(
        by="system:harvest", did="catalogue.harvested", to=f"node:{CLINIC.did}"
    ) as tx:
        site.node.house.catalogue.put_harvested(tx, CLINIC, datasets)


def of(publisher, dataset, rest=""):
    return f"/datasets/{dataset}{rest}?publisher={quote(publisher.did, safe='')}"


def test_every_hit_of_the_search_leads_to_its_own_institutions_dataset(bait):
    browser = bait.browser("rex")
    found = browser.get("/catalogue?text=").text

    for path in (
        of(CLINIC, "ds_peer"),
        of(FACULTY, "ds_peer"),
        of(CLINIC, bait.ids["dataset"]),
        f"/datasets/{bait.ids['dataset']}",
    ):
        assert 1 == found.count(f'<h2><a href="{path}">')


@pytest.mark.parametrize("dataset", ["theirs", "ours"])
def test_each_page_shows_its_own_dataset_agreements_and_history(bait, dataset):
    id_ = "ds_peer" if dataset == "theirs" else bait.ids["dataset"]
    real = of(FACULTY, id_) if dataset == "theirs" else f"/datasets/{id_}"
    agreement = bait.ids["taken" if dataset == "theirs" else "given"]
    browser = bait.browser("sam")

    right, wrong = browser.get(real).text, browser.get(of(CLINIC, id_)).text

    assert ("Baited" in right, "Baited" in wrong) == (False, True)
    assert CLINIC.name not in right
    assert (TITLE.en in wrong, "Hong Kong liver biopsy" in wrong) == (False, False)
    assert (f"/agreements/{agreement}" in right, f"/agreements/{agreement}" in wrong) == (
        True,
        False,
    )
    assert "Acquired" not in wrong.split('class="steps"')[-1]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Say whose is meant"),
        ("zh-HK", "多個機構都有此編號"),
        ("zh-CN", "多个机构都有此编号"),
    ],
)
@pytest.mark.parametrize("rest", ["", "/apply", "/terms?offer=offer_peer", "/strategy"])
def test_an_id_of_several_institutions_alone_is_refused(bait, language, words, rest):
    answer = bait.browser("rex", language).get(f"/datasets/ds_peer{rest}")

    assert 409 == answer.status_code
    assert words in answer.text


def test_forms_go_to_the_institution_whose_page_it_was(bait):
    browser = bait.browser("rex")
    for who in (FACULTY, CLINIC):
        page = browser.get(of(who, "ds_peer")).text
        path = of(who, "ds_peer", "/negotiate")
        assert f'action="{path}"' in page
        assert f'href="{of(who, "ds_peer", "/apply")}"' in page
        assert who.name in browser.get(of(who, "ds_peer", "/apply")).text
        accepts = re.findall(r'name="accepts" value="([^"]+)"', page)
        answer = browser.send(path, page=of(who, "ds_peer"), offer="offer_peer", accepts=accepts)

        assert f"The DID document of {who.did} cannot be fetched" in answer.text  # whom it asks


def test_a_hidden_dataset_of_ours_is_not_described_through_a_peers_of_its_id(bait):
    path = of(CLINIC, bait.ids["dataset"], "/dcat.jsonld")

    answer = bait.browser("rex").get(path)

    assert 404 == answer.status_code
    assert TITLE.en not in answer.text


def test_agreements_negotiations_and_applications_bear_the_right_title(bait):
    browser = bait.browser("sam")
    for path in ("/agreements", f"/agreements/{bait.ids['taken']}", "/applications"):
        assert "Baited" not in browser.get(path).text, path


def test_the_strategy_set_on_the_page_is_for_that_institution_alone(bait):
    browser, path = bait.browser("sam"), of(CLINIC, "ds_peer", "/strategy")

    house = bait.node.house.negotiation
    before = house.find_strategy(f"{FACULTY.did}#ds_peer")

    browser.send(path, page=path, choice="wait")

    assert "wait" == house.find_strategy(f"{CLINIC.did}#ds_peer").name
    assert before == house.find_strategy(f"{FACULTY.did}#ds_peer")
