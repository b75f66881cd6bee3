"""DCAT JSON-LD of a dataset."""

from lib.ground import make_ground
from rooms.catalogue.records import RESEARCHER, STEWARD, make_catalogue, make_version, offered
from tidegate.catalogue.dcat import shorten_purpose


def test_a_dataset_is_described_in_dcat(tmp_path):
    ground = make_ground(tmp_path)
    catalogue = make_catalogue(ground)
    offer = offered(ground, catalogue)

    described = catalogue.dcat("ds_liver")

    assert described["@type"] == "dcat:Dataset"
    assert {"@value": "脂肪肝隊列", "@language": "zh-Hant"} in described["dct:title"]
    assert offer.id == described["odrl:hasPolicy"][0]["@id"]
    assert described["dcat:hasVersion"][0]["dcat:version"] == "1"
    ground.close()


def test_direct_identifiers_are_not_described_to_others(tmp_path):
    ground = make_ground(tmp_path)
    catalogue = make_catalogue(ground)
    offered(ground, catalogue)

    tables = catalogue.dcat("ds_liver")["dcat:hasVersion"][0]["csvw:tableGroup"]["csvw:table"]

    assert [column["csvw:name"] for column in tables[0]["csvw:column"]] == ["age", "male"]
    ground.close()


def test_a_version_that_is_not_offered_is_described_to_its_keepers_alone(tmp_path):
    ground = make_ground(tmp_path)
    catalogue = make_catalogue(ground)
    offered(ground, catalogue)
    with ground.journal.write(by="x", did="version.acquired", to="version:ver_2") as tx:
        catalogue.register_version(tx, make_version("ver_2", number=2, stage="acquired"))

    def told(**by):
        return [one["@id"] for one in catalogue.dcat("ds_liver", **by)["dcat:hasVersion"]]

    assert ["urn:tidegate:ver_1"] == told() == told(by=RESEARCHER)
    assert ["urn:tidegate:ver_1", "urn:tidegate:ver_2"] == told(by=STEWARD)
    ground.close()


def test_a_buried_version_keeps_its_grave_and_loses_its_files(tmp_path):
    ground = make_ground(tmp_path)
    catalogue = make_catalogue(ground)
    offered(ground, catalogue, None, make_version())
    with ground.journal.write(by="x", did="dataset.described", to="version:ver_1") as tx:
        catalogue.tombstone(tx, "ver_1", "Retention ended.")

    version = catalogue.dcat("ds_liver")["dcat:hasVersion"][0]

    assert version["tg:tombstone"]["dct:description"] == "Retention ended."
    assert "dcat:distribution" not in version
    ground.close()


def test_only_duo_codes_are_shortened():
    assert shorten_purpose("http://purl.obolibrary.org/obo/DUO_0000006") == "DUO:0000006"
    assert shorten_purpose("https://example.org/x") == "https://example.org/x"
