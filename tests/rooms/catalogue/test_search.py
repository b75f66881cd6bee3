"""Search over the space in three languages."""

import shutil

import pytest

from lib.ground import make_ground
from rooms.catalogue.records import (
    FACULTY,
    HOSPITAL,
    RESEARCHER,
    STEWARD,
    enter,
    harvest,
    make_catalogue,
    make_dataset,
    make_harvested,
    make_version,
    offered,
)
from tidegate.catalogue.errors import QueryTooLargeError
from tidegate.catalogue.model import SearchQuery
from tidegate.kernel.text import Language, Multilingual


@pytest.fixture
def ground(tmp_path):
    ground = make_ground(tmp_path)
    yield ground
    ground.close()


@pytest.fixture
def catalogue(ground):
    return make_catalogue(ground)


def found(catalogue, text, **choices):
    query = SearchQuery(text=text, **choices)
    return [hit.listing.id for hit in catalogue.search(query, Language.EN, by=RESEARCHER).hits]


ONLY = {
    "en": Multilingual("Fatty liver cohort"),
    "zh-Hant": Multilingual("", "脂肪肝臟隊列"),
    "zh-Hans": Multilingual("", "", "非酒精性脂肪肝病队列"),
}


@pytest.mark.parametrize("written", ONLY)
@pytest.mark.parametrize("asked", ["肝病", "肝臟", "肝脏", "liver", "Hepatic", "LIVERS", "肝"])
def test_liver_is_found_whatever_it_is_called(ground, catalogue, written, asked):
    offered(ground, catalogue, make_dataset(title=ONLY[written], keywords=()))

    assert found(catalogue, asked) == ["ds_liver"]


@pytest.mark.parametrize("asked", ["kidney", "腎臟", "肾脏", "血管瘤"])
def test_what_it_is_not_about_does_not_find_it(ground, catalogue, asked):
    offered(ground, catalogue)

    assert found(catalogue, asked) == []


def test_a_narrow_word_does_not_find_the_broader_subject(ground, catalogue):
    offered(ground, catalogue)

    assert found(catalogue, "hepatitis") == []


@pytest.mark.parametrize(
    "asked", ["隊列", "队列", "cohort", "nafld1", "age", "Nansha", "metabolic"]
)
def test_words_of_title_description_columns_and_publisher_are_found(ground, catalogue, asked):
    offered(ground, catalogue, make_dataset(keywords=(Multilingual("nafld1"),)))

    assert found(catalogue, asked) == ["ds_liver"]


def test_title_matches_stand_before_description_matches(ground, catalogue):
    harvest(
        ground,
        catalogue,
        make_harvested("ds_low", "Registry", description=Multilingual("Some spleen data.")),
        make_harvested("ds_high", "Spleen registry"),
    )

    assert found(catalogue, "spleen") == ["ds_high", "ds_low"]


def test_all_words_first_and_any_word_when_nothing_has_all(ground, catalogue):
    offered(ground, catalogue)

    result = catalogue.search("liver astronauts", by=RESEARCHER)

    assert result.is_relaxed
    assert result.total == 1


def test_the_snippet_marks_what_was_found_in_the_readers_language(ground, catalogue):
    words = Multilingual("Studies of the liver.", "肝臟研究。", "肝脏研究。")
    offered(ground, catalogue, make_dataset(description=words))

    result = catalogue.search("肝脏", Language.ZH_HANT, by=RESEARCHER)

    assert result.hits[0].snippet.pieces == (("肝臟", True), ("研究。", False))


def test_facets_count_and_narrow(ground, catalogue):
    offered(ground, catalogue)
    harvest(ground, catalogue, make_harvested())

    everything = catalogue.search(SearchQuery(), by=RESEARCHER)
    facets = {name: {one.value: one.count for one in counts} for name, counts in everything.facets}

    assert {HOSPITAL.did: 1, FACULTY.did: 1} == facets["publisher"]
    assert facets["seat"] == {"CN-GBA9": 1, "HK": 1}
    assert facets["purpose"] == {"DUO:0000006": 2}
    assert found(catalogue, "", seat="HK") == ["ds_peer"]
    assert found(catalogue, "", theme="hepatology", purpose="DUO:0000006") == ["ds_liver"]


def test_a_chosen_facet_still_shows_its_other_values(ground, catalogue):
    offered(ground, catalogue)
    harvest(ground, catalogue, make_harvested())

    narrowed = catalogue.search(SearchQuery(seat="HK"), by=RESEARCHER)

    assert {"CN-GBA9", "HK"} == {one.value for one in dict(narrowed.facets)["seat"]}


def test_an_unoffered_dataset_is_found_by_its_steward_only(ground, catalogue):
    enter(ground, catalogue)

    assert catalogue.search("liver", by=RESEARCHER).total == 0
    assert catalogue.search("liver").total == 0
    assert catalogue.search("liver", by=STEWARD).total == 1


def test_a_grave_is_found_by_everyone_with_its_reason(ground, catalogue):
    offered(ground, catalogue)
    with ground.journal.write(by="x", did="dataset.described", to="version:ver_1") as tx:
        catalogue.tombstone(tx, "ver_1", "Retention ended.")

    hit = catalogue.search("liver", by=RESEARCHER).hits[0]

    assert hit.listing.tombstone == "Retention ended."


def test_a_peers_record_that_left_is_no_longer_found(ground, catalogue):
    harvest(ground, catalogue, make_harvested())
    assert found(catalogue, "kidney") == ["ds_peer"]

    harvest(ground, catalogue)

    assert found(catalogue, "kidney") == []


def test_a_lost_index_is_built_again_from_the_database(ground, catalogue):
    offered(ground, catalogue)
    catalogue.refresh_search()
    shutil.rmtree(ground.home / "search")

    assert found(make_catalogue(ground), "liver") == ["ds_liver"]


def test_an_index_of_another_layout_is_built_again(ground, catalogue):
    offered(ground, catalogue)
    catalogue.refresh_search()
    (ground.home / "search" / "tidegate-revision.json").write_text('{"layout": "0"}')

    assert found(make_catalogue(ground), "liver") == ["ds_liver"]


def test_an_index_ahead_of_the_database_is_built_again(ground, catalogue):
    offered(ground, catalogue)
    mark = ground.home / "search" / "tidegate-revision.json"
    catalogue.refresh_search()
    mark.write_text(mark.read_text().replace('"revision": ', '"revision": 99'))

    assert found(catalogue, "liver") == ["ds_liver"]


def test_a_page_of_results_goes_on_where_the_last_ended(ground, catalogue):
    harvest(ground, catalogue, *(make_harvested(f"ds_{at}") for at in range(5)))

    first = found(catalogue, "kidney", limit=3)
    second = found(catalogue, "kidney", limit=3, offset=3)

    assert (len(first), len(second)) == (3, 2)
    assert set() == set(first) & set(second)


def test_a_version_under_offer_gives_the_columns(ground, catalogue):
    offered(ground, catalogue, None, make_version("ver_0", number=1), make_version(number=2))

    hit = catalogue.search("liver", by=RESEARCHER).hits[0]

    assert hit.listing.rows == 17549


@pytest.mark.parametrize(
    "asked",
    [
        SearchQuery(offset=999_999_999_999_999),
        SearchQuery(offset=2**64),
        SearchQuery(offset=-1),
        SearchQuery(limit=999_999_999_999_999),
        SearchQuery(text="肝 " * 10_000),
        SearchQuery(theme="x" * 10_000),
    ],
)
def test_a_search_that_would_exhaust_the_node_is_refused(catalogue, asked):
    with pytest.raises(QueryTooLargeError):
        catalogue.search(asked, Language.EN, by=RESEARCHER)
