"""Write datasets and catalogues in the compact form of the catalogue protocol, with DCAT's words.

Only the protocol's own context is named: descriptive properties use its prefixes `dct` and `dcat`,
and full IRIs where it has none, so that any reader expands them alike.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from tidegate.catalogue.model import (
    Column,
    ColumnRole,
    DatasetRecord,
    Offer,
    Tombstone,
    VersionRecord,
)
from tidegate.connector.catalog.model import (
    CODEBOOK,
    COLUMN,
    COLUMNS,
    ROWS,
    TOMBSTONE,
    UNIT,
    VERSION,
    Shown,
    Written,
    WrittenOffer,
)
from tidegate.connector.messages.compose import Document, document
from tidegate.connector.messages.read import check
from tidegate.connector.messages.wire_catalog import DatasetPart
from tidegate.kernel.text import Multilingual
from tidegate.policy.service import audience_of, to_offer


def texts(text: Multilingual) -> list[dict[str, str]]:
    """Write one text in every language it has."""
    return [{"@value": words, "@language": tag.value} for tag, words in text.every() if words]


def write_dataset(
    record: DatasetRecord,
    offers: Sequence[Offer],
    versions: Mapping[str, VersionRecord],
    service_id: str,
) -> Written:
    """Write a dataset with its open offers, each part checked as it will be sent."""
    words = (record.title, record.description, *record.keywords)
    said = (text.casefold() for word in words for _, text in word.every() if text)
    written = Written(
        id=record.id,
        words="\n".join(said),
        head=_members(_head(record)),
        offers=tuple(_write_offer(offer, versions[offer.version_id]) for offer in offers),
    )
    for one in written.offers:
        alone = Shown(record.id, written.head, one.about, [one.terms], set(one.formats))
        check(msgspec.json.decode(show_dataset(alone, service_id)), DatasetPart)
    return written


def _write_offer(offer: Offer, version: VersionRecord) -> WrittenOffer:
    return WrittenOffer(
        id=offer.id,
        terms=_text(to_offer(offer.policy, offer.id)),
        about=_members(
            {
                VERSION: version.id,
                ROWS: version.rows_accepted,
                COLUMNS: [name for name, _ in _columns(version)],
                CODEBOOK: [
                    _say(name, column) for name, column in _columns(version) if _told(column)
                ],
            }
        ),
        formats=offer.formats,
        audience=audience_of(offer.policy),
    )


def _head(record: DatasetRecord) -> Document:
    return {
        "@id": record.id,
        "@type": "Dataset",
        "dct:title": texts(record.title),
        "dct:description": texts(record.description),
        "dcat:keyword": [one for word in record.keywords for one in texts(word)],
        "dcat:theme": record.theme,
        "dct:publisher": {"@id": record.publisher.did, "dct:title": record.publisher.name},
        "dct:issued": record.created_at,
    }


def _columns(version: VersionRecord) -> list[tuple[str, Column]]:
    return [
        (f"{table.name}.{column.name}", column)
        for table, column in version.codebook.columns()
        if column.role is not ColumnRole.DIRECT_IDENTIFIER
    ]


def _told(column: Column) -> bool:
    return bool(column.unit or column.label.en)


def _say(name: str, column: Column) -> Document:
    """Write what a column means: its label in every language, and its unit."""
    said: Document = {COLUMN: name}
    if column.label.en:
        said["dct:title"] = texts(column.label)
    if column.unit:
        said[UNIT] = column.unit
    return said


def _text(part: object) -> str:
    return msgspec.json.encode(part).decode()


def _members(part: Document) -> str:
    """Write the members of an object, without its braces; empty ones are left out."""
    return _text({name: value for name, value in part.items() if value not in ("", [])})[1:-1]


def show_dataset(shown: Shown, service_id: str) -> str:
    """Put together the JSON of a dataset: what was written of it, and the offers that are shown."""
    forms = _forms(frozenset(shown.formats), service_id)
    return (
        f'{{{shown.head},{shown.about},"hasPolicy":[{",".join(shown.terms)}],'
        f'"distribution":[{forms}]}}'
    )


@lru_cache(maxsize=256)
def _forms(formats: frozenset[str], service_id: str) -> str:
    return ",".join(
        f'{{"@type":"Distribution","format":{_text(name)},"accessService":{_text(service_id)}}}'
        for name in sorted(formats)
    )


def show_catalog(
    did: str, service: Document, datasets: Sequence[Shown], service_id: str, buried: bytes
) -> bytes:
    """Put together the JSON of a page of the catalogue; lists that would be empty are left out."""
    begun = document("Catalog", f"{did}#catalog", participantId=did, service=[service])
    content = [msgspec.json.encode(begun)[:-1]]
    if datasets:
        every = ",".join(show_dataset(one, service_id) for one in datasets)
        content += [b',"dataset":[', every.encode(), b"]"]
    if buried:
        content += [b",", msgspec.json.encode(TOMBSTONE), b":", buried]
    return b"".join([*content, b"}"])


def service_part(service_id: str, address: str) -> Document:
    """Write the data service all datasets are had from."""
    return {
        "@id": service_id,
        "@type": "DataService",
        "endpointDescription": "dspace:connector",
        "endpointURL": address,
    }


def write_buried(graves: Sequence[tuple[DatasetRecord, Tombstone]]) -> bytes:
    """Write which versions are gone for good, beside the datasets that can still be had."""
    return msgspec.json.encode([_buried(*grave) for grave in graves]) if graves else b""


def _buried(record: DatasetRecord, stone: Tombstone) -> dict[str, Any]:
    return {
        "@id": record.id,
        "dct:title": texts(record.title),
        VERSION: stone.version_id,
        "dct:description": stone.reason,
        "dct:date": stone.buried_at,
    }


def show_single(shown: Shown, service_id: str) -> bytes:
    """Put together the JSON of a dataset on its own."""
    context = msgspec.json.encode(document("Dataset")["@context"]).decode()
    return f'{{"@context":{context},{show_dataset(shown, service_id)[1:]}'.encode()
