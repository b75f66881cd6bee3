"""A dataset as DCAT JSON-LD: DCAT 3 (W3C Recommendation 2024-08-22) in the DCAT-AP 3.0.1 profile.

Pure: records in, a JSON-LD object out. The codebook travels as a CSVW table group, which is how
HealthDCAT-AP states the variables of a dataset; the policy of each offer as ODRL.
"""

from typing import Any

from tidegate.catalogue.model import (
    Codebook,
    Column,
    ColumnRole,
    DatasetRecord,
    Offer,
    Tombstone,
    VersionRecord,
)
from tidegate.kernel.text import Multilingual
from tidegate.policy.model import Policy

PURPOSE = "http://www.w3.org/ns/odrl/2/purpose"
_DUO = "http://purl.obolibrary.org/obo/DUO_"
_ACCESS = "http://publications.europa.eu/resource/authority/access-right/"
_MEDIA = "https://www.iana.org/assignments/media-types/"

CONTEXT: dict[str, Any] = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "adms": "http://www.w3.org/ns/adms#",
    "csvw": "http://www.w3.org/ns/csvw#",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "spdx": "http://spdx.org/rdf/terms#",
    "prov": "http://www.w3.org/ns/prov#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "tg": "https://w3id.org/tidegate/catalogue/",
}


def purposes_of(policy: Policy) -> tuple[str, ...]:
    """Return the purposes a policy permits, as short codes such as DUO:0000006."""
    found: dict[str, None] = {}
    for rule in policy.permissions:
        for constraint in rule.constraints:
            if constraint.left == PURPOSE:
                right = constraint.right
                values = right if isinstance(right, tuple) else (right,)
                found.update(dict.fromkeys(map(shorten_purpose, values)))
    return tuple(found)


def shorten_purpose(iri: str) -> str:
    """Write the full IRI of a DUO code as DUO:…; anything else stays as it is."""
    return f"DUO:{iri.removeprefix(_DUO)}" if iri.startswith(_DUO) else iri


def describe(
    dataset: DatasetRecord,
    versions: tuple[VersionRecord, ...],
    offers: tuple[Offer, ...],
    stones: tuple[Tombstone, ...],
) -> dict[str, Any]:
    """Return the JSON-LD of a dataset, its versions, offers and tombstones."""
    described: dict[str, Any] = {
        "@context": CONTEXT,
        "@id": _urn(dataset.id),
        "@type": "dcat:Dataset",
        "dct:identifier": dataset.id,
        "dct:title": _texts(dataset.title),
        "dct:description": _texts(dataset.description),
        "dcat:keyword": [text for word in dataset.keywords for text in _texts(word)],
        "dct:publisher": {
            "@id": dataset.publisher.did,
            "@type": "foaf:Organization",
            "foaf:name": dataset.publisher.name,
            "tg:seat": dataset.publisher.seat.value,
        },
        "dct:issued": _moment(dataset.created_at),
        "dct:accessRights": {"@id": f"{_ACCESS}RESTRICTED"},
    }
    if dataset.theme:
        described["dcat:theme"] = dataset.theme
    if dataset.source_note:
        described["dct:provenance"] = {
            "@type": "dct:ProvenanceStatement",
            "dct:description": dataset.source_note,
        }
    gone = {stone.version_id: stone for stone in stones}
    described["dcat:hasVersion"] = [_version(each, gone.get(each.id)) for each in versions]
    described["odrl:hasPolicy"] = [_offer(offer) for offer in offers]
    return described


def _version(version: VersionRecord, stone: Tombstone | None) -> dict[str, Any]:
    described: dict[str, Any] = {
        "@id": _urn(version.id),
        "@type": "dcat:Dataset",
        "dcat:version": str(version.number),
        "dct:issued": _moment(version.created_at),
        "tg:stage": version.stage,
        "tg:rows": version.rows_accepted,
    }
    if version.parent_version:
        described["prov:wasDerivedFrom"] = {"@id": _urn(version.parent_version)}
    if stone is not None:
        described["adms:status"] = {
            "@id": "http://publications.europa.eu/resource/authority/dataset-status/WITHDRAWN"
        }
        described["tg:tombstone"] = {"dct:description": stone.reason, "dct:date": stone.buried_at}
        return described
    described["dcat:distribution"] = [
        {
            "@type": "dcat:Distribution",
            "dct:title": file.name,
            "dcat:mediaType": {"@id": _MEDIA + file.media_type},
            "dcat:byteSize": {"@value": str(file.bytes), "@type": "xsd:nonNegativeInteger"},
            "spdx:checksum": {
                "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
                "spdx:checksumValue": file.sha256,
            },
        }
        for file in version.files
    ]
    described["csvw:tableGroup"] = _tables(version.codebook)
    return described


def _tables(codebook: Codebook) -> dict[str, Any]:
    return {
        "@type": "csvw:TableGroup",
        "csvw:table": [
            {
                "@type": "csvw:Table",
                "csvw:name": table.name,
                "tg:rows": table.rows,
                "csvw:column": [
                    _column(column)
                    for column in table.columns
                    if column.role is not ColumnRole.DIRECT_IDENTIFIER
                ],
            }
            for table in codebook.tables
        ],
    }


def _column(column: Column) -> dict[str, Any]:
    described: dict[str, Any] = {
        "@type": "csvw:Column",
        "csvw:name": column.name,
        "csvw:datatype": column.type,
    }
    if column.label.en or column.label.every():
        described["csvw:title"] = _texts(column.label)
    if column.unit:
        described["tg:unit"] = column.unit
    return described


def _offer(offer: Offer) -> dict[str, Any]:
    return {
        "@id": offer.id,
        "@type": "odrl:Offer",
        "odrl:target": {"@id": _urn(offer.version_id)},
        "dct:format": list(offer.formats),
        **{f"odrl:{name}": rules for name, rules in offer.policy.terms().items()},
    }


def _texts(text: Multilingual) -> list[dict[str, str]]:
    return [{"@value": words, "@language": tag.value} for tag, words in text.every()]


def _moment(stamp: str) -> dict[str, str]:
    return {"@value": stamp, "@type": "xsd:dateTime"}


def _urn(identifier: str) -> str:
    return f"urn:tidegate:{identifier}"
