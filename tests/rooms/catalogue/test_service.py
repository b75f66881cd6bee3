"""Describing, offering, withdrawing, burying."""

from dataclasses import replace

import pytest

from lib.ground import make_ground
from lib.interleaving import act_after
from rooms.catalogue.records import (
    FACULTY,
    HOSPITAL,
    RESEARCHER,
    STEWARD,
    enter,
    harvest,
    make_catalogue,
    make_harvested,
    make_policy,
    make_version,
    offered,
)
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Participant, Seat
from tidegate.audit.store import list_subject_leaves
from tidegate.catalogue import rules
from tidegate.catalogue.errors import (
    BuriedError,
    DatasetAmbiguousError,
    DatasetUnknownError,
    NotOfferableError,
    OfferClosedError,
    OfferInvalidError,
    OfferTwiceError,
    OfferUnknownError,
    StageChangedError,
    VersionUnknownError,
)
from tidegate.catalogue.model import OfferState
from tidegate.kernel.text import Multilingual
from tidegate.node.tasks import SUBSCRIPTIONS
from tidegate.policy.errors import PolicyUnenforceableError


@pytest.fixture
def ground(tmp_path):
    ground = make_ground(tmp_path, subscriptions=SUBSCRIPTIONS)
    yield ground
    ground.close()


@pytest.fixture
def catalogue(ground):
    return make_catalogue(ground)


def test_a_registered_dataset_reads_back_as_it_was_written(ground, catalogue):
    enter(ground, catalogue)

    assert catalogue.get_dataset("ds_liver").id == "ds_liver"
    assert (make_version(),) == catalogue.list_versions("ds_liver")
    assert len(catalogue.list_datasets()) == 1


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("get_dataset", DatasetUnknownError),
        ("get_version", VersionUnknownError),
        ("get_offer", OfferUnknownError),
    ],
)
def test_what_is_not_there_is_said_to_be_unknown(catalogue, method, error):
    with pytest.raises(error):
        getattr(catalogue, method)("nothing")


def test_a_version_moves_only_from_the_expected_stage(ground, catalogue):
    enter(ground, catalogue, None, make_version(stage="acquired"))
    moved = replace(make_version(), stage="classified")

    with ground.journal.write(by="x", did="dataset.described", to="version:ver_1") as tx:
        catalogue.update_version(tx, moved, expect_stage="acquired")
    with (
        pytest.raises(StageChangedError),
        ground.journal.write(by="x", did="dataset.described", to="version:ver_1") as tx,
    ):
        catalogue.update_version(tx, moved, expect_stage="acquired")

    assert catalogue.get_version("ver_1").stage == "classified"


def test_version_numbers_count_up(ground, catalogue):
    enter(ground, catalogue)

    with ground.journal.write(by="x", did="dataset.described", to="dataset:ds_liver") as tx:
        number = catalogue.next_number(tx, "ds_liver")

    assert number == 2


def test_a_steward_publishes_an_offer_for_a_stored_version(ground, catalogue):
    offer = offered(ground, catalogue)

    assert (offer,) == catalogue.list_offers(dataset_id="ds_liver")
    assert offer.state == OfferState.PUBLISHED
    assert [handler for handler, _ in ground.tasks()] == [
        "catalogue.refresh_search",
        "connector.refresh_catalog",
    ]


def test_only_a_steward_publishes(ground, catalogue):
    enter(ground, catalogue)

    with pytest.raises(RoleMissingError):
        catalogue.publish_offer("ver_1", make_policy(), ("Tidegate-Visit",), by=RESEARCHER)


@pytest.mark.parametrize("stage", ["planned", "acquired", "classified", "archived", "destroyed"])
def test_a_version_that_is_not_stored_or_deidentified_is_not_offered(ground, catalogue, stage):
    enter(ground, catalogue, None, make_version(stage=stage))

    with pytest.raises(NotOfferableError, match=stage):
        catalogue.publish_offer("ver_1", make_policy(), ("Tidegate-Visit",), by=STEWARD)


def test_an_offer_without_formats_is_refused(ground, catalogue):
    enter(ground, catalogue)

    with pytest.raises(OfferInvalidError):
        catalogue.publish_offer("ver_1", make_policy(), (), by=STEWARD)


def test_a_policy_with_a_term_nothing_enforces_is_refused_and_the_refusal_is_evidence(
    ground, catalogue
):
    enter(ground, catalogue)
    policy = make_policy()
    rule = policy.permissions[0]
    strange = replace(rule.constraints[0], left="https://example.org/goodwill")
    odd = replace(policy, permissions=(replace(rule, constraints=(strange,)),))

    with pytest.raises(PolicyUnenforceableError, match="goodwill"):
        catalogue.publish_offer("ver_1", odd, ("Tidegate-Visit",), by=STEWARD)

    assert catalogue.list_offers(dataset_id="ds_liver") == ()


def test_the_same_offer_is_not_published_twice_and_the_refusal_is_evidence(ground, catalogue):
    offer = offered(ground, catalogue)

    with pytest.raises(OfferTwiceError, match=offer.id):
        catalogue.publish_offer("ver_1", make_policy(), ("Tidegate-Visit",), by=STEWARD)

    assert (offer,) == catalogue.list_offers(dataset_id="ds_liver")
    with ground.journal.reading() as conn:
        *_, last = list_subject_leaves(conn, ("dataset:ds_liver",))
    assert "dataset.offer_refused" == last.entry.did


def test_an_archived_version_comes_back_with_its_one_offer(ground, catalogue):
    offer = offered(ground, catalogue)
    move_to(ground, catalogue, "archived")
    closed = catalogue.list_open_offers(dataset_id="ds_liver")

    move_to(ground, catalogue, "stored")

    assert closed == ()
    assert (offer,) == catalogue.list_open_offers(dataset_id="ds_liver")
    with pytest.raises(OfferTwiceError, match="opens again when its version does"):
        catalogue.publish_offer("ver_1", make_policy(), ("Tidegate-Visit",), by=STEWARD)


def test_other_terms_or_a_withdrawn_offer_leave_room_for_an_offer(ground, catalogue):
    first = offered(ground, catalogue)
    other = make_policy("http://purl.obolibrary.org/obo/DUO_0000007")

    second = catalogue.publish_offer("ver_1", other, ("Tidegate-Visit",), by=STEWARD)
    catalogue.withdraw_offer(first.id, by=STEWARD)
    third = catalogue.publish_offer("ver_1", make_policy(), ("Tidegate-Visit",), by=STEWARD)

    assert (second, third) == catalogue.list_offers(dataset_id="ds_liver")


def move_to(ground, catalogue, stage):
    """Move the version as the commons does when it archives or recalls."""
    now = catalogue.get_version("ver_1")
    with ground.journal.write(by="x", did="dataset.described", to="version:ver_1") as tx:
        catalogue.update_version(tx, replace(now, stage=stage), expect_stage=now.stage)


def test_a_withdrawn_offer_is_kept_and_not_listed_as_published(ground, catalogue):
    offer = offered(ground, catalogue)

    closed = catalogue.withdraw_offer(offer.id, by=STEWARD)

    assert catalogue.list_offers(dataset_id="ds_liver") == ()
    assert (closed,) == catalogue.list_offers(version_id="ver_1", published_only=False)
    assert STEWARD.id == closed.withdrawn_by


@pytest.mark.parametrize("stage", ["suspended", "restricted", "quarantined", "archived"])
def test_an_offer_closes_and_opens_with_its_version(ground, catalogue, stage):
    offer = offered(ground, catalogue)
    stored = catalogue.get_version(offer.version_id)

    move(ground, catalogue, replace(stored, stage=stage), "stored")
    closed = catalogue.list_open_offers(), catalogue.find_open_offer(offer.id)
    move(ground, catalogue, stored, stage)

    assert ((), None) == closed
    assert offer == catalogue.find_open_offer(offer.id)
    assert (offer,) == catalogue.list_open_offers(dataset_id=offer.dataset_id)


def move(ground, catalogue, version, before):
    """Move a version to its stage, as the commons do."""
    event, to = "version.suspended", f"version:{version.id}"
    with ground.journal.write(by=STEWARD.id, did=event, to=to) as tx:
        catalogue.update_version(tx, version, expect_stage=before)


def test_a_withdrawn_or_unknown_offer_is_not_open(ground, catalogue):
    offer = offered(ground, catalogue)
    catalogue.withdraw_offer(offer.id, by=STEWARD)

    assert [None, None] == [catalogue.find_open_offer(name) for name in (offer.id, "offer_none")]


def test_versions_are_found_by_their_ids_and_unknown_ones_left_out(ground, catalogue):
    enter(ground, catalogue)

    found = catalogue.find_versions(frozenset({"ver_1", "ver_none"}))

    assert {"ver_1": make_version()} == found
    assert {} == catalogue.find_versions(frozenset())


def test_an_offer_is_withdrawn_once(ground, catalogue):
    offer = offered(ground, catalogue)
    catalogue.withdraw_offer(offer.id, by=STEWARD)

    with pytest.raises(OfferClosedError):
        catalogue.withdraw_offer(offer.id, by=STEWARD)


def test_a_tombstone_closes_the_offers_and_stays_with_its_reason(ground, catalogue):
    offered(ground, catalogue)

    with ground.journal.write(by="x", did="dataset.described", to="version:ver_1") as tx:
        catalogue.tombstone(tx, "ver_1", "Retention ended.", "cert_1")

    stone = catalogue.list_tombstones("ds_liver")[0]
    assert (stone.reason, stone.certificate_id) == ("Retention ended.", "cert_1")
    assert catalogue.list_offers(dataset_id="ds_liver") == ()
    assert catalogue.get_version("ver_1").id == "ver_1"


def test_a_buried_version_is_not_offered_again(ground, catalogue):
    offered(ground, catalogue)
    with ground.journal.write(by="x", did="dataset.described", to="version:ver_1") as tx:
        catalogue.tombstone(tx, "ver_1", "Retention ended.")

    with pytest.raises(BuriedError):
        catalogue.publish_offer("ver_1", make_policy(), ("Tidegate-Visit",), by=STEWARD)


def test_better_words_reach_the_search_at_once(ground, catalogue):
    offered(ground, catalogue)

    catalogue.describe_dataset(
        "ds_liver",
        title=Multilingual("Spleen cohort"),
        description=Multilingual("Spleens."),
        keywords=(),
        theme="spleen",
        by=STEWARD,
    )

    assert catalogue.search("spleen").total == 1


def test_a_harvest_counts_what_changed_and_marks_what_is_gone(ground, catalogue):
    first = harvest(ground, catalogue, make_harvested("ds_a"), make_harvested("ds_b"))
    again = harvest(ground, catalogue, make_harvested("ds_a"), make_harvested("ds_b"))
    less = harvest(ground, catalogue, make_harvested("ds_a", title="Other words"))

    assert (first, again, less) == (2, 0, 2)
    assert [record.dataset.id for record in catalogue.list_harvested()] == ["ds_a"]
    assert catalogue.find_harvested("ds_b") is None


def test_a_record_that_comes_back_is_listed_again(ground, catalogue):
    harvest(ground, catalogue, make_harvested("ds_a"))
    harvest(ground, catalogue)
    harvest(ground, catalogue, make_harvested("ds_a"))

    assert catalogue.find_harvested("ds_a").dataset.id == "ds_a"


CLINIC = Participant("did:web:localhost%3A7001", "Kowloon Clinic", Seat.HK)


def test_two_peers_with_one_dataset_id_stay_apart(ground, catalogue):
    harvest(ground, catalogue, make_harvested("ds_a", title="Kidney registry"))
    harvest(ground, catalogue, make_harvested("ds_a", title="Bait"), peer=CLINIC)

    for peer, title in ((FACULTY, "Kidney registry"), (CLINIC, "Bait")):
        listing = catalogue.get_listing("ds_a", peer.did, by=RESEARCHER)
        assert (peer, title) == (listing.publisher, listing.title.en)
        assert title == catalogue.find_harvested("ds_a", peer.did).dataset.title.en
    assert {FACULTY, CLINIC} == {hit.listing.publisher for hit in catalogue.search("").hits}
    assert [CLINIC] == [hit.listing.publisher for hit in catalogue.search("bait").hits]
    for ask in (
        lambda: catalogue.get_listing("ds_a", by=RESEARCHER),
        lambda: catalogue.find_harvested("ds_a"),
    ):
        with pytest.raises(DatasetAmbiguousError, match=r"localhost%3A7001, did.*localhost%3A7002"):
            ask()
    with pytest.raises(DatasetUnknownError):
        catalogue.get_listing("ds_a", HOSPITAL.did, by=RESEARCHER)

    harvest(ground, catalogue, peer=CLINIC)  # its record is gone, the other's is not
    assert FACULTY == catalogue.get_listing("ds_a", by=RESEARCHER).publisher


def test_a_peer_that_takes_our_dataset_id_does_not_stand_in_its_place(ground, catalogue):
    offered(ground, catalogue)
    harvest(ground, catalogue, make_harvested("ds_liver", title="Bait"), peer=CLINIC)

    assert catalogue.get_listing("ds_liver", by=RESEARCHER).is_own
    assert catalogue.get_listing("ds_liver", HOSPITAL.did, by=RESEARCHER).is_own
    assert "Bait" == catalogue.get_listing("ds_liver", CLINIC.did, by=RESEARCHER).title.en
    assert {HOSPITAL, CLINIC} == {hit.listing.publisher for hit in catalogue.search("").hits}


def test_a_peer_that_takes_the_id_of_a_hidden_dataset_of_ours_does_not_show_it(ground, catalogue):
    enter(ground, catalogue)
    harvest(ground, catalogue, make_harvested("ds_liver", title="Bait"), peer=CLINIC)

    assert "Bait" == catalogue.get_listing("ds_liver", CLINIC.did, by=RESEARCHER).title.en
    for publisher in ("", HOSPITAL.did):
        with pytest.raises(DatasetUnknownError):
            catalogue.get_listing("ds_liver", publisher, by=RESEARCHER)
    with pytest.raises(DatasetUnknownError):
        catalogue.list_versions_for("ds_liver", by=RESEARCHER)


def test_a_listing_is_shown_only_to_those_who_may_see_it(ground, catalogue):
    enter(ground, catalogue)

    assert catalogue.get_listing("ds_liver", by=STEWARD).id == "ds_liver"
    with pytest.raises(DatasetUnknownError):
        catalogue.get_listing("ds_liver", by=RESEARCHER)
    with pytest.raises(DatasetUnknownError):
        catalogue.get_listing("ds_nowhere", by=STEWARD)


def test_the_search_task_may_run_any_number_of_times(ground, catalogue):
    offered(ground, catalogue)

    ground.run_tasks(catalogue__refresh_search=lambda **_: catalogue.refresh_search())
    catalogue.refresh_search()

    assert catalogue.search("liver").total == 1


def test_what_is_not_offered_is_seen_by_its_keepers_only(ground, catalogue):
    enter(ground, catalogue, None, make_version())

    assert 1 == len(catalogue.list_datasets_for(STEWARD))
    assert "ver_1" == catalogue.get_version_for("ver_1", by=STEWARD).id
    assert () == catalogue.list_datasets_for(RESEARCHER)
    with pytest.raises(DatasetUnknownError):
        catalogue.list_versions_for("ds_liver", by=RESEARCHER)
    with pytest.raises(VersionUnknownError):
        catalogue.get_version_for("ver_1", by=RESEARCHER)


def test_beside_an_offered_version_one_that_is_not_stays_hidden(ground, catalogue):
    offered(ground, catalogue)
    with ground.journal.write(by="system:test", did="version.acquired", to="version:ver_2") as tx:
        raw = make_version("ver_2", number=2, stage="acquired")
        catalogue.register_version(tx, raw)

    assert ["ver_1"] == [one.id for one in catalogue.list_versions_for("ds_liver", by=RESEARCHER)]
    assert 2 == len(catalogue.list_versions_for("ds_liver", by=STEWARD))
    with pytest.raises(VersionUnknownError):
        catalogue.get_version_for("ver_2", by=RESEARCHER)


def bury(ground, catalogue, version="ver_1"):
    with ground.journal.write(by="x", did="dataset.described", to=f"version:{version}") as tx:
        catalogue.tombstone(tx, version, "Wrong file.")


def test_what_was_never_offered_stays_hidden_after_its_end(ground, catalogue):
    """A version that was acquired by mistake and destroyed is nobody's but its keepers'."""
    enter(ground, catalogue)
    bury(ground, catalogue)

    assert () == catalogue.list_datasets_for(RESEARCHER)
    assert () == catalogue.list_tombstones_for(by=RESEARCHER)
    assert 0 == catalogue.search("liver", by=RESEARCHER).total
    with pytest.raises(DatasetUnknownError):
        catalogue.get_listing("ds_liver", by=RESEARCHER)
    assert 1 == len(catalogue.list_tombstones_for(by=STEWARD))


def test_beside_an_offered_version_a_destroyed_one_that_was_not_stays_hidden(ground, catalogue):
    offered(ground, catalogue)
    with ground.journal.write(by="system:test", did="version.acquired", to="version:ver_2") as tx:
        catalogue.register_version(tx, make_version("ver_2", number=2, stage="acquired"))
    bury(ground, catalogue, "ver_2")

    assert ["ver_1"] == [one.id for one in catalogue.list_versions_for("ds_liver", by=RESEARCHER)]
    with pytest.raises(VersionUnknownError):
        catalogue.get_version_for("ver_2", by=RESEARCHER)


def test_what_was_offered_and_is_gone_is_still_told(ground, catalogue):
    offered(ground, catalogue)
    bury(ground, catalogue)

    assert ["ver_1"] == [stone.version_id for stone in catalogue.list_tombstones_for(by=RESEARCHER)]
    assert "Wrong file." == catalogue.get_listing("ds_liver", by=RESEARCHER).tombstone


def test_a_version_destroyed_while_it_is_offered_is_not_offered(monkeypatch, ground, catalogue):
    enter(ground, catalogue)

    def destroy():
        with ground.journal.write(by="system:t", did="version.destroyed", to="version:ver_1") as tx:
            gone = replace(catalogue.get_version("ver_1"), stage="destroyed")
            catalogue.update_version(tx, gone, expect_stage="stored")
            catalogue.tombstone(tx, "ver_1", "no longer needed")

    act_after(monkeypatch, rules, "check_may_offer", destroy)

    with pytest.raises(BuriedError):
        catalogue.publish_offer("ver_1", make_policy(), ("Tidegate-Visit",), by=STEWARD)

    assert () == catalogue.list_offers(version_id="ver_1")
