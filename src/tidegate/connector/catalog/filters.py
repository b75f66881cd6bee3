"""Read what a peer wants to see of the catalogue. Pure.

The catalogue protocol leaves the form of filters open. Understood are `{"text": …}` and
`{"dataset": …}` of this project, and the query specification that every Eclipse EDC sends: an
offset, a limit and criteria on the dataset's id or title. What is not understood is refused: a
request that is half understood would show too much.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from tidegate.connector.messages.errors import MessageRefusedError
from tidegate.kernel.values import dataclass

EDC = "https://w3id.org/edc/v0.0.1/ns/"
LARGEST_PAGE = 1000
MOST_TEXTS = 16
MOST_NAMES = 500
LARGEST_OFFSET = 10**9
_IDS = frozenset({f"{EDC}id", "edc:id", "id", "@id"})
_TITLES = frozenset(
    {f"{EDC}name", "edc:name", "name", "dct:title", "http://purl.org/dc/terms/title"}
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the catalogue is asked for; every part narrows.

    `datasets` are the ids to choose from (None: all), `texts` are words of title, description or
    keywords, `limit` 0 leaves the size of a page to this node.
    """

    datasets: frozenset[str] | None = None
    texts: tuple[str, ...] = ()
    offset: int = 0
    limit: int = 0

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out, whatever the page."""
        return self.datasets is None and not self.texts

    def among(self, ids: Iterable[str]) -> "Wanted":
        """Return this, narrowed to those datasets."""
        named = frozenset(ids)
        return replace(self, datasets=named if self.datasets is None else self.datasets & named)


def read_filters(filters: Iterable[Any]) -> Wanted:
    """Read the filters of a catalogue request; raise MessageRefusedError for an unknown one."""
    wanted = Wanted()
    for one in filters:
        wanted = _read(wanted, one)
        _check_size(wanted)
    return wanted


def _check_size(wanted: Wanted) -> None:
    named = len(wanted.datasets or ())
    if len(wanted.texts) > MOST_TEXTS or named > MOST_NAMES or wanted.offset > LARGEST_OFFSET:
        raise MessageRefusedError(
            f"A filter names at most {MOST_TEXTS} texts and {MOST_NAMES} datasets, and skips at"
            f" most {LARGEST_OFFSET}; follow the pages instead.",
            code="filter_too_large",
        )


def _read(wanted: Wanted, one: Any) -> Wanted:
    if isinstance(one, dict) and one.get("@type") in {"QuerySpec", "edc:QuerySpec"}:
        return _read_query(wanted, one)
    if isinstance(one, dict) and len(one) == 1:
        kind, text = next(iter(one.items()))
        if kind == "dataset" and isinstance(text, str) and text:
            return wanted.among((text,))
        if kind == "text" and isinstance(text, str) and text:
            return replace(wanted, texts=(*wanted.texts, text))
    raise MessageRefusedError(
        'This node filters by {"text": "…"}, {"dataset": "…"} or an EDC QuerySpec only.',
        code="filter_unsupported",
    )


def _read_query(wanted: Wanted, query: Mapping[str, Any]) -> Wanted:
    extra = set(query) - {"@type", "@id", "offset", "limit", "sortOrder", "filterExpression"}
    if extra or query.get("sortOrder", "ASC") != "ASC":
        raise MessageRefusedError(
            "This node lists datasets by their id, ascending; ask without sortField and sortOrder.",
            code="filter_unsupported",
        )
    criteria = query.get("filterExpression", [])
    for one in criteria if isinstance(criteria, list) else [criteria]:
        wanted = _read_criterion(wanted, one)
    return replace(
        wanted,
        offset=_whole(query.get("offset", 0)),
        limit=min(_whole(query.get("limit", 0)), LARGEST_PAGE),
    )


def _whole(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise MessageRefusedError(
        "offset and limit are whole numbers, not below zero.", code="filter_unsupported"
    )


def _read_criterion(wanted: Wanted, one: Any) -> Wanted:
    said = one if isinstance(one, dict) else {}
    left, operator, right = (said.get(name) for name in ("operandLeft", "operator", "operandRight"))
    reader = _CRITERIA.get((_kind(left), str(operator)))
    if reader is None:
        raise MessageRefusedError(
            'This node filters by id ("=", "in") and name ("like", "ilike", "contains") only.',
            code="filter_unsupported",
        )
    texts = [right] if isinstance(right, str) else right
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise MessageRefusedError("operandRight must be text.", code="filter_unsupported")
    return reader(wanted, texts)


def _kind(left: Any) -> str:
    if not isinstance(left, str):
        return ""
    return "id" if left in _IDS else "title" if left in _TITLES else ""


def _contains(wanted: Wanted, texts: list[str]) -> Wanted:
    """Take the words between the wildcards of a pattern."""
    words = tuple(word for text in texts for word in text.split("%") if word)
    return replace(wanted, texts=(*wanted.texts, *words))


_CRITERIA: Mapping[tuple[str, str], Callable[[Wanted, list[str]], Wanted]] = {
    ("id", "="): Wanted.among,
    ("id", "in"): Wanted.among,
    ("title", "like"): _contains,
    ("title", "ilike"): _contains,
    ("title", "contains"): _contains,
}
