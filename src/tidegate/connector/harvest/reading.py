"""Read another node's catalogue documents into the catalogue's own words.

Everything here was written by somebody else: texts are cut, unknown shapes left out, and an offer
whose policy cannot be read whole is not taken (fail closed) but counted.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.catalogue.model import UNNAMED, ColumnWords, HarvestedDataset, HarvestedOffer
from tidegate.connector.catalog.model import (
    CODEBOOK,
    COLUMN,
    COLUMNS,
    ROWS,
    TOMBSTONE,
    UNIT,
    VERSION,
)
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.text import Language, Multilingual, without_hidden
from tidegate.policy.service import from_odrl

LONGEST_TEXT = 20_000
LONGEST_LABEL = 200
MOST_COLUMNS = 5_000
DEEPEST_NESTING = 5

Document = Mapping[str, Any]

_EDC: Mapping[str, tuple[str, ...]] = {
    # Eclipse EDC describes assets in words of its own.
    "title": ("edc:name", "https://w3id.org/edc/v0.0.1/ns/name", "name"),
    "description": ("edc:description", "https://w3id.org/edc/v0.0.1/ns/description"),
}


def datasets_in(catalog: Document, depth: int = 0) -> Iterator[Document]:
    """Yield the datasets of a catalogue and of the catalogues inside it."""
    yield from _objects(catalog.get("dataset"))
    if depth < DEEPEST_NESTING:
        for inner in _objects(catalog.get("catalog")):
            yield from datasets_in(inner, depth + 1)


def harvested(part: Document) -> HarvestedDataset:
    """Return a dataset as its owner's catalogue states it."""
    offers, unreadable = _offers(part)
    rows = part.get(ROWS)
    return HarvestedDataset(
        id=_text(part.get("@id"), 400),
        title=_multilingual(_term(part, "title")) or Multilingual(_text(part.get("@id"), 400)),
        description=_multilingual(_term(part, "description")) or Multilingual(""),
        keywords=_keywords(part),
        theme=_text(part.get("dcat:theme", part.get("theme")), 400),
        version_id=_text(part.get(VERSION), 400),
        rows=rows if isinstance(rows, int) and not isinstance(rows, bool) and rows >= 0 else 0,
        columns=tuple(
            _text(one, 400)
            for one in _listed(part.get(COLUMNS))[:MOST_COLUMNS]
            if isinstance(one, str)
        ),
        codebook=tuple(
            ColumnWords(
                _text(one.get(COLUMN), 400),
                _multilingual(_term(one, "title"), LONGEST_LABEL) or UNNAMED,
                _text(one.get(UNIT), 100),
            )
            for one in _objects(part.get(CODEBOOK))[:MOST_COLUMNS]
        ),
        offers=offers,
        unreadable_offers=unreadable,
        issued=_text(_term(part, "issued"), 40),
    )


def buried_in(catalog: Document) -> Iterator[HarvestedDataset]:
    """Yield what the owner says is gone for good."""
    for stone in _objects(catalog.get(TOMBSTONE)):
        name = _text(stone.get("@id"), 400)
        if name:
            yield HarvestedDataset(
                id=name,
                title=_multilingual(_term(stone, "title")) or Multilingual(name),
                description=Multilingual(""),
                version_id=_text(stone.get(VERSION), 400),
                tombstone=_text(stone.get("dct:description"), 2_000) or "gone",
            )


def _offers(part: Document) -> tuple[tuple[HarvestedOffer, ...], int]:
    formats = tuple(
        dict.fromkeys(
            one["format"]
            for one in _objects(part.get("distribution"))
            if isinstance(one.get("format"), str)
        )
    )
    offers, unreadable = [], 0
    for terms in _objects(part.get("hasPolicy")):
        try:
            policy = from_odrl({"@type": "Offer", **terms})
        except TidegateError:
            unreadable += 1
        else:
            offers.append(HarvestedOffer(_text(terms.get("@id"), 400), policy, formats))
    return tuple(offers), unreadable


def _term(part: Document, name: str) -> Any:
    for written in (f"dct:{name}", name, f"http://purl.org/dc/terms/{name}", *_EDC.get(name, ())):
        if written in part:
            return part[written]
    return None


def _keywords(part: Document) -> tuple[Multilingual, ...]:
    """Return keywords; those of one meaning in three languages come as separate values."""
    found = _listed(part.get("dcat:keyword", part.get("keyword")))
    words = (_multilingual(one) for one in found[:200])
    return tuple(word for word in words if word is not None)


def _multilingual(value: Any, longest: int = LONGEST_TEXT) -> Multilingual | None:
    said: dict[str, str] = {}
    for one in _listed(value):
        if isinstance(one, str):
            said.setdefault("en", _text(one, longest))
        elif isinstance(one, dict) and isinstance(one.get("@value"), str):
            said.setdefault(str(one.get("@language", "en")), _text(one["@value"], longest))
    if not said:
        return None
    first = next(iter(said.values()))
    return Multilingual(
        said.get(Language.EN.value, first),
        said.get(Language.ZH_HANT.value, ""),
        said.get(Language.ZH_HANS.value, ""),
    )


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in _listed(value) if isinstance(one, dict)]


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(value: Any, longest: int) -> str:
    return without_hidden(value[:longest]) if isinstance(value, str) else ""
