"""The catalogue of the space: search, facets, pages of results; nothing needs a script."""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode

from starlette.responses import Response

from tidegate.catalogue.model import FacetCount, SearchQuery
from tidegate.kernel.values import dataclass
from tidegate.policy.service import find_purpose
from tidegate.web.forms import read_whole
from tidegate.web.kit import Ask, page
from tidegate.web.messages import find_words
from tidegate.web.names import institutions_of

_PER_PAGE = 20
_MOST_PAGES = 500


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a facet as a link that chooses it, or takes the choice back."""

    label: str
    count: int
    path: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A way to narrow the results."""

    name: str
    choices: tuple[Choice, ...]


def show_catalogue(ask: Ask) -> Response:
    """Search the space by words and facets."""
    query = read_query(ask)
    result = ask.house.catalogue.search(query, ask.language, by=ask.actor)
    labels = _labels(ask)
    facets = [
        Facet(name, tuple(_choice(query, name, one, labels(name, one.value)) for one in counts))
        for name, counts in result.facets
    ]
    rest = query.offset + query.limit
    return ask.page(
        "catalogue.html",
        query=query,
        result=result,
        facets=facets,
        earlier=_path(replace(query, offset=max(0, query.offset - query.limit)))
        if query.offset
        else "",
        later=_path(replace(query, offset=rest)) if rest < result.total else "",
        purpose_name=lambda code: labels("purpose", code),
    )


def read_query(ask: Ask) -> SearchQuery:
    """Read words, facets and page from the address."""
    asked = ask.query
    start = read_whole(asked.get("from", "0")) or 0
    return SearchQuery(
        text=asked.get("text", "").strip()[:200],
        publisher=asked.get("publisher", ""),
        seat=asked.get("seat", ""),
        purpose=asked.get("purpose", ""),
        theme=asked.get("theme", ""),
        offset=min(max(0, start), _PER_PAGE * _MOST_PAGES),
        limit=_PER_PAGE,
    )


def _labels(ask: Ask) -> Callable[[str, str], str]:
    institutions = dict(institutions_of(ask.house))

    def label(facet: str, value: str) -> str:
        if facet == "publisher":
            return institutions.get(value, value)
        if facet == "purpose":
            return purpose_name(ask, value)
        return find_words(ask.language, f"{facet}.{value.replace('.', '_')}") or value

    return label


def purpose_name(ask: Ask, code: str) -> str:
    """Say a purpose code in the reader's language."""
    purpose = find_purpose(code)
    return code if purpose is None else purpose.name.in_language(ask.language)


def _choice(query: SearchQuery, name: str, counted: FacetCount, label: str) -> Choice:
    is_chosen = getattr(query, name) == counted.value
    path = _path(query.choosing(name, "" if is_chosen else counted.value))
    return Choice(label, counted.count, path, is_chosen)


def _path(query: SearchQuery) -> str:
    asked = {"text": query.text, **dict(query.chosen())}
    if query.offset:
        asked["from"] = str(query.offset)
    kept = {name: value for name, value in asked.items() if value}
    return f"/catalogue?{urlencode(kept)}" if kept else "/catalogue"


PAGES = (page("/catalogue", show_catalogue),)
