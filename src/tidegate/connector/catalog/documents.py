"""Write datasets and catalogues in the compact form of the catalogue protocol, with DCAT's words.

Only the protocol's own context is named: descriptive properties use its prefixes `dct` and `dcat`,
and full IRIs where it has none, so that any reader expands them alike.
"""

from typing import Any

from tidegate.catalogue.model import (
    ColumnRole,
    DatasetRecord,
    Offer,
    Tombstone,
    VersionRecord,
)
from tidegate.connector.catalog.model import COLUMNS, ROWS, TOMBSTONE, VERSION
from tidegate.connector.messages.compose import Document, document
from tidegate.kernel.text import Multilingual
from tidegate.policy.service import to_offer


def texts(text: Multilingual) -> list[dict[str, str]]:
    """Write one text in every language it has."""
    return [{"@value": words, "@language": tag.value} for tag, words in text.every() if words]


def dataset_part(
    record: DatasetRecord, version: VersionRecord, offers: tuple[Offer, ...], service_id: str
) -> Document:
    """Write a dataset with the offers a peer may see; there must be at least one."""
    formats = sorted({name for offer in offers for name in offer.formats})
    part: Document = {
        "@id": record.id,
        "@type": "Dataset",
        "dct:title": texts(record.title),
        "dct:description": texts(record.description),
        "dcat:keyword": [one for word in record.keywords for one in texts(word)],
        "dcat:theme": record.theme,
        "dct:publisher": {"@id": record.publisher.did, "dct:title": record.publisher.name},
        "dct:issued": record.created_at,
        VERSION: version.id,
        ROWS: version.rows_accepted,
        COLUMNS: _columns(version),
        "hasPolicy": [to_offer(offer.policy, offer.id) for offer in offers],
        "distribution": [
            {"@type": "Distribution", "format": name, "accessService": service_id}
            for name in formats
        ],
    }
    return {name: value for name, value in part.items() if value not in ("", [])}


def _columns(version: VersionRecord) -> list[str]:
    return [
        f"{table.name}.{column.name}"
        for table, column in version.codebook.columns()
        if column.role is not ColumnRole.DIRECT_IDENTIFIER
    ]


def service_part(service_id: str, address: str) -> Document:
    """Write the data service all datasets are had from."""
    return {
        "@id": service_id,
        "@type": "DataService",
        "endpointDescription": "dspace:connector",
        "endpointURL": address,
    }


def catalog_document(
    did: str, service: Document, datasets: list[Document], buried: list[Document]
) -> Document:
    """Write a catalogue, or a page of one."""
    return document(
        "Catalog",
        f"{did}#catalog",
        participantId=did,
        service=[service],
        dataset=datasets,
        **{TOMBSTONE: buried},
    )


def buried_part(record: DatasetRecord, stone: Tombstone) -> dict[str, Any]:
    """Write that a version is gone for good, beside the datasets that can still be had."""
    return {
        "@id": record.id,
        "dct:title": texts(record.title),
        VERSION: stone.version_id,
        "dct:description": stone.reason,
        "dct:date": stone.buried_at,
    }


def dataset_document(part: Document) -> Document:
    """Write a dataset on its own."""
    return {**document("Dataset"), **part}
