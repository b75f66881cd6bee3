"""The Dataspace Protocol 2025-1, with the ids of the official kit's tests, without a JVM.

A script says what the counterpart does: a word is said, `<word` is heard from the node, `!word` is
said and must be refused with the typed error, `=STATE` is what the node tells when asked.
"""

import pytest

from lib.dsp_peer import CONTEXT, NEGOTIATION, TRANSFER, document
from tidegate_tck.dsp_scenarios import agreement_of, dataset_of, offer_of

PROVIDER = {
    "CN:01-01": "<offer terminate =TERMINATED",
    "CN:01-02": "<offer counter <terminate =TERMINATED",
    "CN:01-03": "<offer accept <agree verify <finalize =FINALIZED",
    "CN:01-04": "<agree verify <finalize =FINALIZED",
    "CN:02-01": "<terminate =TERMINATED",
    "CN:02-02": "terminate =TERMINATED",
    "CN:02-03": "<agree terminate =TERMINATED",
    "CN:02-04": "<offer terminate =TERMINATED",
    "CN:02-05": "<offer <terminate =TERMINATED",
    "CN:02-06": "<offer accept <terminate =TERMINATED",
    "CN:02-07": "<agree verify <terminate =TERMINATED",
    "CN:03-01": "<agree verify <finalize =FINALIZED !terminate =FINALIZED",
    "CN:03-02": "<offer !verify =OFFERED",
    "CN:03-03": "<offer accept !verify =ACCEPTED",
    "CN:03-04": "<offer counter !counter =REQUESTED",
}

CONSUMER = {
    "CN_C:01-01": "offer <accept agree <verify finalize =FINALIZED",
    "CN_C:01-02": "offer <counter terminate =TERMINATED",
    "CN_C:01-03": "offer <terminate =TERMINATED",
    "CN_C:01-04": "agree <verify finalize =FINALIZED",
    "CN_C:02-01": "terminate =TERMINATED",
    "CN_C:02-02": "<terminate =TERMINATED",
    "CN_C:02-03": "agree <terminate =TERMINATED",
    "CN_C:02-04": "offer =OFFERED terminate =TERMINATED",
    "CN_C:02-05": "offer <accept terminate =TERMINATED",
    "CN_C:02-06": "agree <verify terminate =TERMINATED",
    "CN_C:03-01": "!finalize =REQUESTED",
    "CN_C:03-02": "offer =OFFERED !agree =OFFERED",
    "CN_C:03-03": "offer !finalize =OFFERED",
    "CN_C:03-04": "offer <accept !finalize =ACCEPTED",
    "CN_C:03-05": "offer <accept !offer =ACCEPTED",
    "CN_C:03-06": "offer <accept agree !finalize =AGREED",
}

TRANSFER_PROVIDER = {
    "TP:01-01": "<start <terminate =TERMINATED",
    "TP:01-02": "<start <complete =COMPLETED",
    "TP:01-03": "<start <suspend <terminate =TERMINATED",
    "TP:01-04": "<start <suspend <start <complete =COMPLETED",
    "TP:01-05": "<terminate =TERMINATED",
    "TP:02-01": "<start =STARTED terminate =TERMINATED",
    "TP:02-02": "<start =STARTED complete =COMPLETED",
    "TP:02-03": "<start =STARTED suspend =SUSPENDED terminate =TERMINATED",
    "TP:02-04": "<start =STARTED suspend =SUSPENDED start =STARTED complete =COMPLETED",
    "TP:02-05": "=REQUESTED terminate =TERMINATED",
    "TP:03-01": "=REQUESTED !complete =REQUESTED",
    "TP:03-02": "=REQUESTED !suspend =REQUESTED",
    "TP:03-03": "<start =STARTED suspend =SUSPENDED !complete =SUSPENDED",
    "TP:03-04": "<start =STARTED terminate !start =TERMINATED",
    "TP:03-05": "<start =STARTED terminate !suspend =TERMINATED",
    "TP:03-06": "<start =STARTED terminate !complete =TERMINATED",
}

TRANSFER_CONSUMER = {
    "TP_C:01-01": "start =STARTED terminate =TERMINATED",
    "TP_C:01-02": "start =STARTED complete =COMPLETED",
    "TP_C:01-03": "start =STARTED suspend =SUSPENDED terminate =TERMINATED",
    "TP_C:01-04": "start =STARTED suspend =SUSPENDED start =STARTED complete =COMPLETED",
    "TP_C:01-05": "terminate =TERMINATED",
    "TP_C:02-01": "start <terminate =TERMINATED",
    "TP_C:02-02": "start <complete =COMPLETED",
    "TP_C:02-03": "start <suspend <terminate =TERMINATED",
    "TP_C:02-04": "start <suspend <start <complete =COMPLETED",
    "TP_C:02-05": "<terminate =TERMINATED",
    "TP_C:03-01": "=REQUESTED !complete =REQUESTED",
    "TP_C:03-02": "=REQUESTED !suspend =REQUESTED",
    "TP_C:03-03": "start =STARTED suspend =SUSPENDED !complete =SUSPENDED",
    "TP_C:03-04": "start =STARTED terminate !start =TERMINATED",
    "TP_C:03-05": "start =STARTED terminate !suspend =TERMINATED",
    "TP_C:03-06": "start =STARTED terminate !complete =TERMINATED",
}


def key(test):
    """Return the id as the settings of the kit spell it."""
    return test.replace(":", "_").replace("-", "_")


@pytest.mark.parametrize("test", PROVIDER)
def test_a_provider_negotiates(dsp_bench, test):
    talk = dsp_bench.talk(NEGOTIATION, "consumer")
    dataset = dataset_of(key(test))

    opened = talk.request_contract(dataset, offer_of(dataset))

    assert opened.status_code == 201, opened.text
    assert opened.json()["@type"] == "ContractNegotiation"
    assert opened.json()["state"] == "REQUESTED"
    talk.run(PROVIDER[test])


@pytest.mark.parametrize("test", CONSUMER)
def test_a_consumer_negotiates(dsp_bench, test):
    talk = dsp_bench.talk(NEGOTIATION, "provider")
    dataset = dataset_of(key(test))

    dsp_bench.trigger("negotiations", offerId=f"offer{dataset}", datasetId=dataset)

    asked = talk.asked().body
    assert asked["@type"] == "ContractRequestMessage"
    assert (asked["offer"]["@id"], asked["offer"]["target"]) == (f"offer{dataset}", dataset)
    assert "providerPid" not in asked
    talk.run(CONSUMER[test])


@pytest.mark.parametrize("test", TRANSFER_PROVIDER)
def test_a_provider_transfers(dsp_bench, test):
    talk = dsp_bench.talk(TRANSFER, "consumer")

    opened = talk.request_transfer(agreement_of(key(test)))

    assert opened.status_code == 201, opened.text
    assert opened.json()["@type"] == "TransferProcess"
    assert opened.json()["state"] == "REQUESTED"
    talk.run(TRANSFER_PROVIDER[test])


@pytest.mark.parametrize("test", TRANSFER_CONSUMER)
def test_a_consumer_transfers(dsp_bench, test):
    talk = dsp_bench.talk(TRANSFER, "provider")

    dsp_bench.trigger("transfers", agreementId=agreement_of(key(test)), format="HttpData-PULL")

    asked = talk.asked().body
    assert asked["@type"] == "TransferRequestMessage"
    assert asked["agreementId"] == agreement_of(key(test))
    talk.run(TRANSFER_CONSUMER[test])


def test_met_01_01_the_version_document_names_2025_1(dsp_bench):
    answer = dsp_bench.client.get(f"{dsp_bench.place.node}/.well-known/dspace-version")

    (entry,) = [one for one in answer.json()["protocolVersions"] if one["version"] == "2025-1"]
    assert (entry["path"], entry["binding"]) == ("/dsp/2025-1", "HTTPS")


def catalogue(dsp_bench, **members):
    said = document("CatalogRequestMessage", **members)
    return dsp_bench.client.post(
        f"{dsp_bench.base}/catalog/request", json=said, headers={"authorization": "Bearer kit"}
    )


def dataset(dsp_bench, name):
    return dsp_bench.client.get(
        f"{dsp_bench.base}/catalog/datasets/{name}", headers={"authorization": "Bearer kit"}
    )


def test_cat_01_01_the_catalogue_has_the_dataset(dsp_bench):
    found = catalogue(dsp_bench).json()

    (one,) = [each for each in found["dataset"] if each["@id"] == "CAT0101"]
    assert (found["@type"], found["participantId"]) == ("Catalog", dsp_bench.place.node_did)
    assert one["distribution"][0]["format"] == "HttpData-PULL"
    assert one["hasPolicy"][0]["permission"] == [{"action": "use"}]
    assert "target" not in one["hasPolicy"][0]


def test_cat_01_02_one_dataset_can_be_read(dsp_bench):
    found = dataset(dsp_bench, "CAT0102").json()

    assert (found["@type"], found["@id"], found["@context"]) == ("Dataset", "CAT0102", [CONTEXT])


def test_cat_01_03_an_unknown_dataset_is_a_catalogue_error(dsp_bench):
    answer = dataset(dsp_bench, "CAT0103")

    assert answer.status_code == 404
    assert (answer.json()["@type"], answer.json()["@context"]) == ("CatalogError", [CONTEXT])
