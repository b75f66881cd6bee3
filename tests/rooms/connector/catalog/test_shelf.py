"""The written catalogue: what is on it, who sees it, and what it costs to look."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from lib.ground import make_ground
from rooms.catalogue.records import (
    STEWARD,
    enter,
    make_catalogue,
    make_dataset,
    make_version,
    offered,
)
from tidegate.access.model import Seat
from tidegate.catalogue.model import ColumnWords
from tidegate.connector.catalog import shelf as written
from tidegate.connector.catalog import store
from tidegate.connector.catalog.service import DspCatalogService
from tidegate.connector.harvest.reading import buried_in, datasets_in, harvested
from tidegate.connector.messages.compose import document
from tidegate.connector.model import Peer
from tidegate.kernel.text import Multilingual
from tidegate.policy.model import Constraint, Operator, Policy, Rule, UseFacts
from tidegate.policy.service import audience_of, check_recipient, research_policy
from tidegate.policy.terms import PURPOSE, RECIPIENT, SEAT

ANN, BEN = "did:web:ann", "did:web:ben"


def peer(did=ANN):
    return Peer(did, did, Seat.HK, "participant", ())


@pytest.fixture
def ground(tmp_path):
    ground = make_ground(tmp_path)
    yield ground
    ground.close()


@pytest.fixture
def catalogue(ground):
    return make_catalogue(ground)


def service(ground, catalogue, **options):
    return DspCatalogService(
        ground.journal, catalogue, did=ground.did, address="http://here/dsp", **options
    )


def test_the_codebook_on_the_wire_says_labels_and_units_and_is_read_back(ground, catalogue):
    version = make_version()
    table = version.codebook.tables[0]
    secret, age, male = table.columns
    columns = (
        replace(secret, label=Multilingual("HKID")),
        replace(age, label=Multilingual("Age", "年齡", "年龄")),
        male,
    )
    codebook = replace(version.codebook, tables=(replace(table, columns=columns),))
    offered(ground, catalogue, make_dataset(), replace(version, codebook=codebook))

    page = ask(service(ground, catalogue))

    (dataset,) = map(harvested, datasets_in(msgspec.json.decode(page.content)))
    assert dataset.columns == ("nafld1.age", "nafld1.male")
    assert dataset.codebook == (
        ColumnWords("nafld1.age", Multilingual("Age", "年齡", "年龄"), "a"),
    )


def listed(page):
    return [one["@id"] for one in msgspec.json.decode(page.content).get("dataset", [])]


def ask(rooms, did=ANN, cursor="", **said):
    body = msgspec.json.encode(document("CatalogRequestMessage", **said))
    return rooms.request(peer(did), body, cursor=cursor)


def buried(page):
    return [str(one) for one in buried_in(msgspec.json.decode(page.content))]


def bury(ground, catalogue, version="ver_1"):
    with ground.journal.write(by="x", did="dataset.described", to=f"version:{version}") as tx:
        catalogue.tombstone(tx, version, "Retention ended.")


def test_peers_hear_of_no_end_of_what_was_never_offered(ground, catalogue):
    enter(ground, catalogue)
    bury(ground, catalogue)

    assert [] == buried(ask(service(ground, catalogue)))


def test_a_peer_hears_of_the_end_of_what_it_could_have_had_alone(ground, catalogue):
    enter(ground, catalogue)
    only_ann = research_policy(assignees=(ANN,))
    catalogue.publish_offer("ver_1", only_ann, ("Tidegate-Visit",), by=STEWARD)
    rooms = service(ground, catalogue)
    bury(ground, catalogue)

    assert 1 == len(buried(ask(rooms)))
    assert [] == buried(ask(rooms, BEN))


def offer_many(ground, catalogue, count):
    for number in range(count):
        name = f"ds_{number:04d}"
        offered(
            ground,
            catalogue,
            make_dataset(name),
            make_version(f"ver_{number:04d}", name),
        )


def test_what_changes_in_the_catalogue_is_seen_at_the_next_request(ground, catalogue):
    rooms = service(ground, catalogue)
    assert listed(ask(rooms)) == []
    offer = offered(ground, catalogue)
    assert listed(ask(rooms)) == ["ds_liver"]
    with ground.journal.write(by="x", did="dataset.described", to="version:ver_1") as tx:
        stored = catalogue.get_version("ver_1")
        catalogue.update_version(tx, replace(stored, stage="suspended"), expect_stage="stored")
    assert listed(ask(rooms)) == []
    with ground.journal.write(by="x", did="dataset.described", to="version:ver_1") as tx:
        catalogue.update_version(tx, stored, expect_stage="suspended")
    assert listed(ask(rooms)) == ["ds_liver"]
    catalogue.withdraw_offer(offer.id, by=STEWARD)
    assert listed(ask(rooms)) == []


def test_another_process_and_another_form_find_the_shelf_right(ground, catalogue, monkeypatch):
    offer_many(ground, catalogue, 3)
    first = ask(service(ground, catalogue)).content
    again = service(ground, catalogue)
    assert ask(again).content == first
    monkeypatch.setattr(written, "FORM", "another")
    later = service(ground, catalogue)
    assert ask(later).content == first
    assert ground.journal.read(store.get_state)[1].startswith("another ")


def test_a_dataset_is_described_by_the_version_offered_last_of_those_a_peer_may_see(
    ground, catalogue
):
    two = make_version("ver_2", number=2)
    enter(ground, catalogue, None, make_version(), two)
    catalogue.publish_offer(
        "ver_1", research_policy(assignees=(ANN, BEN)), ("Tidegate-Visit",), by=STEWARD
    )
    ground.clock.advance(seconds=1)
    named = Constraint(RECIPIENT, Operator.IS_ANY_OF, (BEN,))
    rows = Policy(permissions=(Rule("use", (named,)),))
    catalogue.publish_offer("ver_2", rows, ("HttpData-PULL",), by=STEWARD)
    rooms = service(ground, catalogue)

    def shown(did):
        (one,) = msgspec.json.decode(ask(rooms, did).content)["dataset"]
        forms = [form["format"] for form in one["distribution"]]
        return one["https://w3id.org/tidegate/catalogue/version"], len(one["hasPolicy"]), forms

    assert shown(ANN) == ("ver_1", 1, ["Tidegate-Visit"])
    assert shown(BEN) == ("ver_2", 2, ["HttpData-PULL", "Tidegate-Visit"])
    assert listed(ask(rooms, "did:web:other")) == []


def test_every_page_is_met_once_on_the_way_there_and_on_the_way_back(ground, catalogue):
    offer_many(ground, catalogue, 7)
    rooms = service(ground, catalogue, page_size=3)
    there, links = [], {}
    while True:
        page = ask(rooms, cursor=links.get("next", ""))
        there.append(listed(page))
        links = dict(page.links)
        if "next" not in links:
            break
    back = [there[-1]]
    while "previous" in links:
        page = ask(rooms, cursor=links["previous"])
        back.append(listed(page))
        links = dict(page.links)
    assert [len(page) for page in there] == [3, 3, 1]
    assert [name for page in there for name in page] == [f"ds_{number:04d}" for number in range(7)]
    assert back == there[::-1]


def test_a_page_costs_the_same_few_statements_however_many_datasets_there_are(ground, catalogue):
    said = []
    event.listen(
        ground.database._readers, "before_cursor_execute", lambda *asked: said.append(asked[2])
    )
    rooms = service(ground, catalogue, page_size=5)
    counted = []
    for so_far, count in ((0, 5), (5, 30)):
        for number in range(so_far, so_far + count):
            name = f"ds_{number:04d}"
            offered(ground, catalogue, make_dataset(name), make_version(f"ver_{number}", name))
        rooms.refresh()
        ask(rooms)
        said.clear()
        ask(rooms)
        counted.append(len([one for one in said if one.startswith("SELECT")]))
    assert counted[0] == counted[1] <= 3


def test_words_with_wildcards_in_them_are_meant_as_they_are_written(ground, catalogue):
    offer_many(ground, catalogue, 2)
    rooms = service(ground, catalogue)
    assert len(listed(ask(rooms, filter=[{"text": "METABOLIC"}]))) == 2
    for wild in ("%", "_", "meta_olic", "\\"):
        assert listed(ask(rooms, filter=[{"text": wild}])) == []


_permissions = st.builds(
    Rule,
    st.sampled_from(["use", "use", "distribute"]),
    st.lists(
        st.one_of(
            st.builds(
                Constraint,
                st.just(RECIPIENT),
                st.sampled_from([Operator.IS_ANY_OF, Operator.IS_NONE_OF]),
                st.lists(st.sampled_from([ANN, BEN]), min_size=1, unique=True).map(tuple),
            ),
            st.just(Constraint(SEAT, Operator.IS_ANY_OF, ("HK",))),
            st.just(Constraint(PURPOSE, Operator.IS_ANY_OF, ("x",))),
        ),
        max_size=3,
    ).map(tuple),
)


@given(st.lists(_permissions, max_size=3).map(tuple))
def test_an_audience_is_judged_as_the_whole_policy_is(permissions):
    policy = Policy(permissions=permissions)
    for did in (ANN, BEN, "did:web:nobody"):
        for seat in ("HK", "MO", None):
            who = UseFacts(assignee=did, seat=seat, certifications=())
            whole, part = (check_recipient(one, who) for one in (policy, audience_of(policy)))
            assert (whole is None) is (part is None)


def test_audiences_are_kept_once_and_as_long_as_an_offer_has_them(ground, catalogue):
    offer_many(ground, catalogue, 4)
    rooms = service(ground, catalogue)
    rooms.refresh()
    assert len(ground.journal.read(store.list_audiences)) == 1
    kept = catalogue.publish_offer(
        "ver_0000", research_policy(assignees=(BEN,)), ("Tidegate-Visit",), by=STEWARD
    )
    rooms.refresh()
    assert len(ground.journal.read(store.list_audiences)) == 2
    catalogue.withdraw_offer(kept.id, by=STEWARD)
    rooms.refresh()
    assert len(ground.journal.read(store.list_audiences)) == 1
