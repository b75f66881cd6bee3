"""What the official kit does not look at: unasked offers, repetition, haste, refusals, pages."""

import itertools
import threading

import httpx
import pytest

from lib.dsp_live import live_pair
from lib.dsp_peer import CONTEXT, NEGOTIATION, PATIENCE, TRANSFER, document
from tidegate_tck.dsp import KIT, STEWARD
from tidegate_tck.dsp_scenarios import agreement_of, dataset_of, offer_of

TOKEN = {"authorization": "Bearer kit"}


def consumer_of(dsp_bench, test):
    """Return a talk the peer opened as consumer, for the offer of a kit's test."""
    talk = dsp_bench.talk(NEGOTIATION, "consumer")
    dataset = dataset_of(test)
    assert talk.request_contract(dataset, offer_of(dataset)).status_code == 201
    return talk


def provider_of(dsp_bench, test):
    """Return a talk the node opened with the peer as provider, and the node's pid of it."""
    talk = dsp_bench.talk(NEGOTIATION, "provider")
    dataset = dataset_of(test)
    pid = dsp_bench.trigger("negotiations", offerId=f"offer{dataset}", datasetId=dataset)
    return talk, pid


# --- provider-initiated offers


def test_a_consumer_takes_an_offer_it_did_not_ask_for(dsp_bench):
    talk = dsp_bench.talk(NEGOTIATION, "provider")

    opened = talk.offer_contract(dataset_of("CN_C_01_01"), "urn:offer:unasked")

    assert (opened.status_code, opened.json()["state"]) == (201, "OFFERED")
    talk.run("<accept agree <verify finalize =FINALIZED")


def test_an_offer_that_comes_twice_opens_one_negotiation(dsp_bench):
    talk = dsp_bench.talk(NEGOTIATION, "provider")
    said = document(
        "ContractOfferMessage",
        providerPid=talk.ours,
        callbackAddress=dsp_bench.peer.base,
        offer={"@type": "Offer", "@id": "o", "target": dataset_of("CN_C_02_04"),
               "permission": [{"action": "use"}]},
    )  # fmt: skip

    first, second = talk.post("offers", said), talk.post("offers", said)

    assert first.status_code == second.status_code == 201
    assert first.json()["consumerPid"] == second.json()["consumerPid"]


def test_a_provider_offers_unasked_and_goes_to_the_end(dsp_bench):
    talk = dsp_bench.talk(NEGOTIATION, "consumer")

    one = dsp_bench.node.house.negotiation.offer_to(KIT, offer_of("CAT0101"), by=STEWARD)

    opening = dsp_bench.peer.next()
    assert opening.path == "/negotiations/offers"
    assert opening.body["callbackAddress"] == dsp_bench.base
    assert "consumerPid" not in opening.body
    talk.theirs = opening.body["providerPid"]
    talk.run("accept <agree verify <finalize =FINALIZED")
    kept = dsp_bench.node.house.negotiation.get(one.pid)
    assert dsp_bench.node.house.policy.get_agreement(kept.agreement_id).assignee == KIT


# --- repetition, haste and loss


def test_a_message_that_comes_twice_acts_once(dsp_bench):
    talk = consumer_of(dsp_bench, "CN_01_03")
    talk.hear("offer")
    accepting = talk.said("accept")

    answers = [talk.post(f"{talk.theirs}/events", accepting) for _ in range(2)]

    assert [one.status_code for one in answers] == [200, 200]
    talk.run("<agree =AGREED")


def test_a_lost_message_is_sent_again_under_its_own_id(dsp_bench):
    looked = threading.Event()

    def not_now(_offer):
        assert looked.wait(PATIENCE), "nobody looked"
        return 503, None

    talk = dsp_bench.talk(NEGOTIATION, "consumer")
    dsp_bench.peer.answers[:] = [not_now, (404, None)]
    dataset = dataset_of("CN_01_01")
    assert talk.request_contract(dataset, offer_of(dataset)).status_code == 201

    tries = [talk.hear("offer").body]
    assert talk.state() == "REQUESTED"  # sent is not said: nobody has acknowledged it
    looked.set()
    tries += [talk.hear("offer").body for _ in range(2)]

    assert tries[0] == tries[1] == tries[2]
    talk.run("=OFFERED terminate =TERMINATED")


def test_a_refused_message_ends_the_negotiation_with_the_reason_kept(dsp_bench):
    talk, pid = provider_of(dsp_bench, "CN_C_01_01")
    talk.asked()
    dsp_bench.peer.answers.append(
        (400, document("ContractNegotiationError", **talk.pids, reason=["We changed our mind."]))
    )

    talk.run("offer <accept <terminate =TERMINATED")

    kept = dsp_bench.node.house.negotiation.get(pid)
    assert kept.reason_code == "undeliverable"
    assert "We changed our mind." in kept.reason


def test_an_opening_that_is_answered_without_a_pid_ends_at_once(dsp_bench):
    talk = dsp_bench.talk(NEGOTIATION, "provider")
    dsp_bench.peer.answers.append((201, {}))
    dataset = dataset_of("CN_C_02_01")
    dsp_bench.trigger("negotiations", offerId=f"offer{dataset}", datasetId=dataset)

    talk.asked()

    talk.run("=TERMINATED")


def test_a_message_may_overtake_the_answer_to_the_opening(dsp_bench):
    talk = dsp_bench.talk(NEGOTIATION, "provider")

    def offer_first(asked):
        talk.theirs, talk.target = asked["consumerPid"], asked["offer"]["target"]
        talk.offer_id = asked["offer"]["@id"]
        assert talk.tell("offer").status_code == 200
        return 201, dsp_bench.peer.opened(asked, "ContractNegotiation")

    dsp_bench.peer.answers.append(offer_first)
    dataset = dataset_of("CN_C_01_01")
    dsp_bench.trigger("negotiations", offerId=f"offer{dataset}", datasetId=dataset)

    talk.asked()

    talk.run("<accept agree <verify finalize =FINALIZED")


def test_a_step_that_was_waiting_is_dropped_when_the_peer_ends_it(dsp_bench):
    talk = consumer_of(dsp_bench, "CN_02_05")
    talk.hear("offer")
    talk.tell("terminate")

    talk.run("=TERMINATED")


def test_a_transfer_request_that_comes_twice_opens_one_transfer(dsp_bench):
    talk = dsp_bench.talk(TRANSFER, "consumer")
    said = document(
        "TransferRequestMessage",
        consumerPid=talk.ours,
        callbackAddress=dsp_bench.peer.base,
        agreementId=agreement_of("TP_02_05"),
        format="HttpData-PULL",
    )

    answers = [talk.post("request", said) for _ in range(2)]

    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json()["providerPid"] == answers[1].json()["providerPid"]


def test_a_transfer_in_a_format_nobody_serves_is_refused(dsp_bench):
    talk = dsp_bench.talk(TRANSFER, "consumer")
    said = document(
        "TransferRequestMessage",
        consumerPid=talk.ours,
        callbackAddress=dsp_bench.peer.base,
        agreementId=agreement_of("TP_02_05"),
        format="CarrierPigeon",
    )

    answer = talk.post("request", said)

    assert (answer.status_code, answer.json()["@type"]) == (400, "TransferError")


# --- who may say what, and when

CONSUMER_SPEAKS = {
    "a finalization is the provider's": ("CN_01_03", "<offer !finalize accept <agree !finalize"),
    "an acceptance comes once": (
        "CN_01_03",
        "<offer accept <agree =AGREED !accept verify <finalize",
    ),
    "nothing but an end may come before an answer": ("CN_02_02", "!accept !verify !finalize"),
    "one's own counter-offer cannot be accepted": ("CN_03_04", "<offer counter !accept"),
    "an agreement is the provider's": ("CN_02_04", "<offer !agree"),
    "an offer is the provider's": ("CN_02_04", "<offer !offer"),
}
PROVIDER_SPEAKS = {
    "an acceptance is the consumer's": ("CN_C_02_04", "offer !accept"),
    "a verification is the consumer's": ("CN_C_03_06", "offer <accept agree !verify"),
    "an agreement comes once": ("CN_C_02_06", "agree <verify =VERIFIED !agree"),
    "a request is the consumer's": ("CN_C_02_04", "offer !counter"),
}


@pytest.mark.parametrize("what", CONSUMER_SPEAKS)
def test_a_consumer_out_of_turn_is_refused_and_nothing_moves(dsp_bench, what):
    test, script = CONSUMER_SPEAKS[what]
    talk = consumer_of(dsp_bench, test)

    talk.run(script)


@pytest.mark.parametrize("what", PROVIDER_SPEAKS)
def test_a_provider_out_of_turn_is_refused_and_nothing_moves(dsp_bench, what):
    test, script = PROVIDER_SPEAKS[what]
    talk, _ = provider_of(dsp_bench, test)
    talk.asked()

    talk.run(script)


@pytest.mark.parametrize(
    ("test", "script"),
    [
        ("TP_02_05", "!start =REQUESTED terminate"),
        ("TP_02_01", "<start !start =STARTED terminate"),
    ],
)
def test_a_consumer_starts_only_what_it_suspended(dsp_bench, test, script):
    talk = dsp_bench.talk(TRANSFER, "consumer")
    assert talk.request_transfer(agreement_of(test)).status_code == 201

    talk.run(script)


@pytest.mark.parametrize(
    "path", ["catalog/request", "negotiations/request", "transfers/request", "negotiations/offers"]
)
def test_a_slash_too_many_is_no_redirect(dsp_bench, path):
    plain, slashed = (
        dsp_bench.client.post(f"{dsp_bench.base}/{path}{end}", json={}, headers=TOKEN)
        for end in ("", "/")
    )

    assert (plain.status_code, slashed.status_code) == (400, 400)
    assert plain.json()["@type"] == slashed.json()["@type"]


# --- requests that must be refused


def changed(**members):
    return lambda said: said | members


def offer_with(**members):
    return lambda said: said | {"offer": said["offer"] | members}


REFUSED = {
    "an inline context": changed(**{"@context": [{"dspace": "https://w3id.org/dspace/2025/1/"}]}),
    "a callback and a provider's pid": changed(providerPid="urn:uuid:1"),
    "neither callback nor pid": lambda said: {
        name: value for name, value in said.items() if name != "callbackAddress"
    },
    "a callback at somebody else's": changed(callbackAddress="http://localhost:9/dsp"),
    "a callback inside": changed(callbackAddress="http://169.254.169.254/latest"),
    "an empty list of permissions": offer_with(permission=[]),
    "an operator nobody knows": offer_with(
        permission=[
            {"action": "use", "constraint": [
                {"leftOperand": "count", "operator": "about", "rightOperand": "5"}]}
        ]
    ),
    "an offer that is not made": offer_with(**{"@id": "CD123:NOTHING:456"}),
    "a target that is not offered": offer_with(target="CAT0102"),
    "no offer": lambda said: {name: value for name, value in said.items() if name != "offer"},
}  # fmt: skip


SPELLED = {
    "a context that is no list": changed(**{"@context": CONTEXT}),
    "a prefixed type": changed(**{"@type": "dspace:ContractRequestMessage"}),
    "a number as right operand": offer_with(
        permission=[
            {"action": "use", "constraint": [
                {"leftOperand": "count", "operator": "lteq", "rightOperand": 5}]}
        ]
    ),
}  # fmt: skip


def request_with(talk, dataset):
    return document(
        "ContractRequestMessage",
        consumerPid=talk.ours,
        callbackAddress=talk.peer.base,
        offer={"@type": "Offer", "@id": offer_of(dataset), "target": dataset,
               "permission": [{"action": "use"}]},
    )  # fmt: skip


@pytest.mark.parametrize("what", SPELLED)
def test_a_request_in_another_spelling_is_read_by_its_meaning(dsp_bench, what):
    talk = dsp_bench.talk(NEGOTIATION, "consumer")

    answer = talk.post("request", SPELLED[what](request_with(talk, dataset_of("CN_01_04"))))

    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert (said["@type"], said["state"]) == ("ContractNegotiation", "REQUESTED")
    assert said["consumerPid"] == talk.ours


@pytest.mark.parametrize("what", REFUSED)
def test_a_wrong_request_is_refused_with_a_typed_error_and_opens_nothing(dsp_bench, what):
    talk = dsp_bench.talk(NEGOTIATION, "consumer")
    said = request_with(talk, dataset_of("CN_01_04"))
    before = len(dsp_bench.node.house.negotiation.list_negotiations(limit=1000))

    answer = talk.post("request", REFUSED[what](said))

    assert answer.status_code == 400, answer.text
    assert answer.json()["@type"] == "ContractNegotiationError"
    assert answer.json()["consumerPid"] == talk.ours
    assert answer.json()["reason"]
    assert len(dsp_bench.node.house.negotiation.list_negotiations(limit=1000)) == before


def test_terms_with_a_constraint_nobody_knows_are_never_agreed(dsp_bench):
    talk = dsp_bench.talk(NEGOTIATION, "consumer")
    dataset = dataset_of("CN_01_04")  # its strategy agrees to whatever the rules allow
    strange = {
        "permission": [
            {"action": "use", "constraint": [
                {"leftOperand": "urn:moon:phase", "operator": "eq", "rightOperand": "full"}]}
        ]
    }  # fmt: skip
    said = document(
        "ContractRequestMessage",
        consumerPid=talk.ours,
        callbackAddress=dsp_bench.peer.base,
        offer={"@type": "Offer", "@id": offer_of(dataset), "target": dataset, **strange},
    )

    talk.theirs = talk.post("request", said).json()["providerPid"]

    assert dsp_bench.node.house.negotiation.get(talk.theirs).agreement == {}
    heard = [one.body["@type"] for one in dsp_bench.peer.heard]
    assert "ContractAgreementMessage" not in heard
    assert talk.state() in {"REQUESTED", "TERMINATED"}


def test_a_pid_nobody_has_is_404_and_echoed(dsp_bench):
    talk = dsp_bench.talk(NEGOTIATION, "consumer")
    talk.theirs = "urn:uuid:nobody"

    answer = talk.tell("verify")

    assert (answer.status_code, answer.json()["@type"]) == (404, "ContractNegotiationError")
    assert answer.json()["providerPid"] == "urn:uuid:nobody"


@pytest.mark.parametrize("room", [NEGOTIATION, TRANSFER])
def test_without_a_token_nothing_is_told(dsp_bench, room):
    answer = dsp_bench.talk(room, "consumer").post("request", {}, token="")

    assert answer.status_code == 401


# --- the catalogue


def test_an_unsupported_filter_is_400_and_typed(dsp_bench):
    said = document("CatalogRequestMessage", filter=[{"colour": "blue"}])

    answer = dsp_bench.client.post(f"{dsp_bench.base}/catalog/request", json=said, headers=TOKEN)

    assert (answer.status_code, answer.json()["@type"]) == (400, "CatalogError")


def test_a_supported_filter_narrows_the_catalogue(dsp_bench):
    said = document("CatalogRequestMessage", filter=[{"dataset": "CAT0102"}])

    answer = dsp_bench.client.post(f"{dsp_bench.base}/catalog/request", json=said, headers=TOKEN)

    assert [one["@id"] for one in answer.json()["dataset"]] == ["CAT0102"]


def test_a_filter_that_fits_nothing_leaves_no_empty_list(dsp_bench):
    said = document("CatalogRequestMessage", filter=[{"dataset": "CAT0103"}])

    answer = dsp_bench.client.post(f"{dsp_bench.base}/catalog/request", json=said, headers=TOKEN)

    assert answer.status_code == 200
    assert "dataset" not in answer.json()


def test_the_links_of_a_paged_catalogue_lead_through_it_and_back(tmp_path):
    with live_pair(tmp_path) as (hospital, faculty):
        for number in range(1, 6):
            hospital.publish(number)
        token = faculty.identity.token_for(hospital.did)
        url, pages = f"{hospital.base}/dsp/2025-1/catalog/request", []
        while url:
            answer = httpx.post(
                url, json=document("CatalogRequestMessage"), headers={"authorization": token}
            )
            pages.append([one["@id"] for one in answer.json()["dataset"]])
            last, url = answer.links, answer.links.get("next", {}).get("url")
        back = httpx.post(
            last["previous"]["url"],
            json=document("CatalogRequestMessage"),
            headers={"authorization": token},
        )

    assert [len(one) for one in pages] == [2, 2, 1]
    assert sorted(itertools.chain(*pages)) == [f"ds_{number}" for number in range(1, 6)]
    assert [one["@id"] for one in back.json()["dataset"]] == pages[1]
