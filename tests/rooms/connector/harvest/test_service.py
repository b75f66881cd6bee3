"""Reading the catalogues of other members: whole, page by page, and what goes wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.dsp_nodes import HOSPITAL, POLICY, RESEARCHER, make_pair, pump
from tidegate.connector.harvest.reading import buried_in, datasets_in, harvested
from tidegate.connector.http.model import Answer
from tidegate.connector.messages.compose import document


@pytest.fixture
def pair(tmp_path):
    hospital, faculty = make_pair(tmp_path)
    faculty.joins(hospital)
    yield hospital, faculty
    hospital.ground.close()
    faculty.ground.close()


def test_every_page_is_read_and_the_offers_kept_as_offered(pair):
    hospital, faculty = pair
    for number in range(1, 6):
        hospital.publish(number)

    (report,) = faculty.harvest.harvest(by=RESEARCHER)

    assert (report.state, report.datasets, report.unreadable) == ("good", 5, 0)
    record = faculty.shelf.find_harvested("ds_3", HOSPITAL).dataset
    assert (record.offers[0].policy, record.offers[0].formats) == (POLICY, ("Tidegate-Visit",))
    assert (record.version_id, record.rows, record.title.zh_hant) == ("ver_3", 17, "肝臟隊列")


def test_a_consumer_negotiates_from_what_it_harvested(pair):
    hospital, faculty = pair
    hospital.publish()
    faculty.harvest.harvest_all()

    pid = faculty.negotiation.request(HOSPITAL, "ds_1", by=RESEARCHER).pid
    pump(*pair)

    assert faculty.negotiation.get(pid).state.value == "FINALIZED"


def test_a_peer_that_is_down_is_reported_and_its_last_good_time_kept(pair):
    hospital, faculty = pair
    faculty.harvest.harvest_all()
    hospital.network.down.add(hospital.base)

    faculty.harvest.harvest_all()

    (report,) = faculty.harvest.list_reports()
    assert (report.state, report.code) == ("failed", "peer_unreachable_error"[:-6])
    assert report.good_at


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"@type": "Catalog"},
        {
            "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
            "@id": "x",
            "@type": "Catalog",
            "participantId": "did:web:somebody.else",
        },
    ],
)
def test_an_answer_that_is_no_catalogue_of_this_peer_is_a_failure(pair, body):
    hospital, faculty = pair
    hospital.network.answers_instead = [Answer(200, {}, body)]

    (report,) = faculty.harvest.harvest(by=RESEARCHER)

    assert report.state == "failed"


def test_a_next_page_elsewhere_is_not_followed(pair):
    hospital, faculty = pair
    good = hospital.network.post(
        f"{hospital.base}/dsp/2025-1/catalog/request",
        document("CatalogRequestMessage"),
        authorization=faculty.identity.token_for(HOSPITAL),
    )  # fmt: skip
    link = {"link": '<http://169.254.169.254/x?cursor=1>; rel="next"'}
    hospital.network.answers_instead = [Answer(200, link, good.body)]

    (report,) = faculty.harvest.harvest(by=RESEARCHER)

    assert (report.state, report.code) == ("failed", "catalogue_elsewhere")


def test_an_offer_that_cannot_be_read_whole_is_left_out_and_counted():
    part = {
        "@id": "ds",
        "hasPolicy": [
            {"@id": "o1", "permission": [{"action": "use"}]},
            {
                "@id": "o2",
                "permission": [
                    {
                        "action": "use",
                        "constraint": [
                            {"leftOperand": "x:moon", "operator": "eq", "rightOperand": "full"}
                        ],
                    }
                ],
            },
        ],
        "distribution": [{"format": "Tidegate-Visit"}],
    }

    found = harvested(part)

    assert ([one.id for one in found.offers], found.unreadable_offers) == (["o1"], 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["@id", "dataset", "catalog", "hasPolicy", "distribution", "dct:title", "@value",
                 "@language", "dcat:keyword", "format", "permission", "action"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["dataset", "catalog", "@id"]), JSON, max_size=3))
def test_no_document_of_a_stranger_breaks_the_reader(said):
    for part in datasets_in(said):
        harvested(part)
    list(buried_in(said))


def test_a_hostile_title_cannot_reorder_or_hide_what_stands_on_our_pages():
    said = {"@id": "ds_1", "dct:title": "Liver\u202e\x1b[2Jcohort", "dcat:theme": "HEAL\x00TH"}

    read = harvested(said)

    assert ("Liver[2Jcohort", "HEALTH") == (read.title.en, read.theme)


def test_asked_for_while_it_runs_the_harvest_runs_once_more_and_not_more(pair):
    _, faculty = pair
    reads, again = [], [True, True]

    def read_and_be_asked(member, *, by):
        reads.append(member.did)
        while again:
            again.pop()
            faculty.harvest.harvest_all()

    faculty.harvest.harvest_member = read_and_be_asked

    faculty.harvest.harvest_all()

    assert [HOSPITAL, HOSPITAL] == reads
