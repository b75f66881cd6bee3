"""The catalogue as a peer may see it: pages, filters, single datasets."""

from dataclasses import replace

import msgspec
import pytest

from lib.dsp_nodes import FACULTY, HOSPITAL, STRANGER, make_pair
from tidegate.catalogue.model import OfferState
from tidegate.connector.messages.compose import document
from tidegate.connector.messages.read import check
from tidegate.connector.messages.wire_catalog import Catalog, CatalogError, Dataset
from tidegate.policy.service import research_policy


@pytest.fixture
def hospital(tmp_path):
    hospital, faculty = make_pair(tmp_path)
    yield hospital
    hospital.ground.close()
    faculty.ground.close()


def ask(hospital, body=None, query="", sender=FACULTY):
    return hospital.network.post(
        f"{hospital.base}/dsp/2025-1/catalog/request{query}",
        body or document("CatalogRequestMessage"),
        authorization=f"Bearer {sender}>{HOSPITAL}",
    )


def get(hospital, dataset, sender=FACULTY):
    return hospital.network.get(
        f"{hospital.base}/dsp/2025-1/catalog/datasets/{dataset}",
        authorization=f"Bearer {sender}>{HOSPITAL}",
    )


def names(answer):
    return [one["@id"] for one in answer.body.get("dataset", [])]


def test_the_catalogue_is_valid_and_describes_datasets_in_every_language(hospital):
    hospital.publish()

    answer = ask(hospital)

    check(answer.body, Catalog)
    (dataset,) = answer.body["dataset"]
    assert {"@value": "肝臟隊列", "@language": "zh-Hant"} in dataset["dct:title"]
    assert dataset["hasPolicy"][0]["@id"] == "offer_1"
    assert "target" not in dataset["hasPolicy"][0]


def test_an_empty_catalogue_is_valid_and_has_no_empty_arrays(hospital):
    answer = ask(hospital)

    check(answer.body, Catalog)
    assert "dataset" not in answer.body


def test_pages_are_linked_both_ways_and_meet_every_dataset_once(hospital):
    for number in range(1, 6):
        hospital.publish(number)
    seen, query, links = [], "", []
    while True:
        answer = ask(hospital, query=query)
        seen += names(answer)
        links.append(answer.headers.get("link", ""))
        if 'rel="next"' not in links[-1]:
            break
        query = "?" + links[-1].split(">")[0].partition("?")[2]

    assert seen == [f"ds_{number}" for number in range(1, 6)]
    assert [("next" in link, "previous" in link) for link in links] == [
        (True, False),
        (True, True),
        (False, True),
    ]


def test_an_offer_for_others_is_not_seen_by_this_peer(hospital):
    hospital.publish(1, research_policy(assignees=(STRANGER,)))
    hospital.publish(2, research_policy(assignees=(FACULTY,)))

    assert names(ask(hospital)) == ["ds_2"]
    assert names(ask(hospital, sender=STRANGER)) == ["ds_1"]
    assert (get(hospital, "ds_1").status, get(hospital, "ds_2").status) == (404, 200)


def test_a_withdrawn_offer_is_not_shown(hospital):
    offer = hospital.publish()
    hospital.shelf.offers[offer.id] = replace(offer, state=OfferState.WITHDRAWN)

    assert names(ask(hospital)) == []


def test_text_and_dataset_filters_are_understood(hospital):
    hospital.publish(1)
    hospital.publish(2)

    assert names(ask(hospital, document("CatalogRequestMessage", filter=[{"text": "肝脏"}]))) == [
        "ds_1",
        "ds_2",
    ]
    assert names(
        ask(hospital, document("CatalogRequestMessage", filter=[{"dataset": "ds_2"}]))
    ) == ["ds_2"]


@pytest.mark.parametrize(
    "wanted", [{"sparql": "x"}, "x", {"text": 1}, {"text": "a", "dataset": "b"}]
)
def test_a_filter_that_is_not_understood_is_refused(hospital, wanted):
    answer = ask(hospital, document("CatalogRequestMessage", filter=[wanted]))

    check(answer.body, CatalogError)
    assert (answer.status, answer.body["code"]) == (400, "filter_unsupported")


def test_an_edc_pages_by_offset_and_limit(hospital):
    for number in (1, 2, 3):
        hospital.publish(number)

    def page(**members):
        query = {"@type": "QuerySpec", "sortOrder": "ASC", "filterExpression": [], **members}
        return ask(hospital, document("CatalogRequestMessage", filter=[query]))

    assert names(page(offset=0, limit=50)) == ["ds_1", "ds_2", "ds_3"]
    assert names(page(offset=1, limit=1)) == ["ds_2"]
    assert 'rel="next"' in page(offset=1, limit=1).headers["link"]
    assert names(page(offset=3, limit=50)) == []


@pytest.mark.parametrize("cursor", ["!!", "bm90", "WzFd", "a" * 5000])
def test_a_foreign_cursor_is_refused(hospital, cursor):
    assert ask(hospital, query=f"?cursor={cursor}").status == 400


def test_one_dataset_is_valid_on_its_own(hospital):
    hospital.publish()

    answer = get(hospital, "ds_1")

    check(answer.body, Dataset)
    assert answer.body["distribution"][0]["format"] == "Tidegate-Visit"


def test_an_unknown_dataset_is_a_catalogue_error(hospital):
    answer = get(hospital, "ds_9")

    check(answer.body, CatalogError)
    assert answer.status == 404


def test_without_a_token_there_is_no_catalogue(hospital):
    answer = hospital.network.post(
        f"{hospital.base}/dsp/2025-1/catalog/request", msgspec.to_builtins({})
    )

    check(answer.body, CatalogError)
    assert answer.status == 401
