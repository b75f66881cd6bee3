"""The search index on disk: tantivy, embedded, derived from the database and thrown away at will.

Measured on 2 cores over 20,000 records: making the grams here takes twice the time of tantivy's
ngram(1,2) tokenizer when indexing (17,000 against 33,000 records a second) and the same when asked
(0.04 ms a term). Ours never pair characters across a space or a Latin word, so it stays here.
"""

import json
import shutil
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tidegate.catalogue.concepts import concepts
from tidegate.catalogue.model import FacetCount, Listing, SearchQuery, Visibility
from tidegate.catalogue.words import fold, grams, han_runs, latin_words, pairs

LAYOUT = "3"
"""Raised whenever the fields or the folding change: an index of another layout is rebuilt."""

FACETS = ("publisher", "seat", "purpose", "theme")
_HEAP = 15_000_000
_WEIGHTS = {"title": 4.0, "words": 1.0, "concepts": 1.5}
_MOST_FACET_VALUES = 50


def _schema() -> Any:
    import tantivy  # noqa: PLC0415 - native; only a search loads it

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("key", stored=True, tokenizer_name="raw")
    for name in ("title", "words"):
        builder.add_text_field(f"{name}_latin", tokenizer_name="en_stem")
        builder.add_text_field(f"{name}_han", tokenizer_name="whitespace")
    builder.add_text_field("concepts", tokenizer_name="raw", index_option="basic")
    for name in (*FACETS, "visibility"):
        builder.add_text_field(name, tokenizer_name="raw", fast=True, index_option="basic")
    return builder.build()


class SearchIndex:
    """One index in one directory; a second process that finds it locked only reads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mark = folder / "tidegate-revision.json"
        self._lock = threading.Lock()
        self._index: Any = None
        self._stemmer: Any = None

    @property
    def revision(self) -> int:
        """Return the catalogue revision the index holds; -1 when it must be built anew."""
        try:
            mark = json.loads(self._mark.read_text())
        except (FileNotFoundError, ValueError):
            return -1
        return int(mark["revision"]) if mark.get("layout") == LAYOUT else -1

    def renew(self) -> None:
        """Throw the index away and begin an empty one."""
        with self._lock:
            self._index = None
            shutil.rmtree(self._folder, ignore_errors=True)

    def put(
        self, listings: Iterable[Listing], gone: Iterable[tuple[str, str]], *, revision: int
    ) -> bool:
        """Write listings and forget the gone (publisher DID, dataset id); say whether it could.

        False means another process is writing: the index will hold `revision` when that is done.
        """
        with self._lock:
            index = self._open()
            try:
                writer = index.writer(_HEAP, 1)
            except ValueError:
                return False
            for name in gone:
                writer.delete_documents_by_term("key", _key(*name))
            for listing in listings:
                writer.delete_documents_by_term("key", _key(listing.publisher.did, listing.id))
                writer.add_document(self._document(listing))
            writer.commit()
            writer.wait_merging_threads()
            index.reload()
            self._mark.write_text(json.dumps({"layout": LAYOUT, "revision": revision}))
        return True

    def search(
        self, query: SearchQuery, visibilities: Iterable[Visibility], *, relaxed: bool = False
    ) -> tuple[int, tuple[tuple[str, str], ...]]:
        """Return how many match and the (publisher DID, dataset id) of the page, best first."""
        with self._lock:
            index = self._open()
        searcher = index.searcher()
        found = searcher.search(
            self._query(index.schema, query, visibilities, relaxed=relaxed),
            limit=query.limit,
            offset=query.offset,
        )
        keys = (searcher.doc(address)["key"][0] for _, address in found.hits)
        return int(found.count), tuple(_unkey(key) for key in keys)

    def count_facets(
        self, query: SearchQuery, visibilities: tuple[Visibility, ...], *, relaxed: bool = False
    ) -> tuple[tuple[str, tuple[FacetCount, ...]], ...]:
        """Count matches by facet value, each facet under the choices made in the others."""
        with self._lock:
            index = self._open()
        searcher, counts = index.searcher(), []
        for facet in FACETS:
            asked = self._query(index.schema, query, visibilities, relaxed=relaxed, without=facet)
            wanted = {facet: {"terms": {"field": facet, "size": _MOST_FACET_VALUES}}}
            buckets = searcher.aggregate(asked, wanted)[facet]["buckets"]
            values = (FacetCount(each["key"], int(each["doc_count"])) for each in buckets)
            ordered = sorted(values, key=lambda one: (-one.count, one.value))
            counts.append((facet, tuple(one for one in ordered if one.value)))
        return tuple(counts)

    def _open(self) -> Any:
        import tantivy  # noqa: PLC0415 - native; only a search loads it

        if self._index is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._index = tantivy.Index(_schema(), path=str(self._folder))
            build = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
            build = build.filter(tantivy.Filter.lowercase())
            self._stemmer = build.filter(tantivy.Filter.stemmer("english")).build()
        self._index.reload()
        return self._index

    def _document(self, listing: Listing) -> Any:
        import tantivy  # noqa: PLC0415 - native; only a search loads it

        document = tantivy.Document()
        for name, value in _fields(listing):
            document.add_text(name, value)
        return document

    def _query(
        self,
        schema: Any,
        query: SearchQuery,
        visibilities: Iterable[Visibility],
        *,
        relaxed: bool,
        without: str = "",
    ) -> Any:
        from tantivy import Occur, Query  # noqa: PLC0415 - native; only a search loads it

        seen = [Query.term_query(schema, "visibility", one.value) for one in visibilities]
        parts = [(Occur.Must, _unscored(_any_of(seen)))]
        parts += [
            (Occur.Must, _unscored(Query.term_query(schema, name, value)))
            for name, value in query.chosen()
            if name != without
        ]
        words = self._word_queries(schema, fold(query.text))
        if relaxed and words:
            parts.append((Occur.Must, _any_of(words)))
        else:
            parts += [(Occur.Must, word) for word in words]
        return Query.boolean_query(parts)

    def _word_queries(self, schema: Any, folded: str) -> list[Any]:
        latin = (self._latin_query(schema, word) for word in latin_words(folded))
        return [query for query in (*latin, *_han_queries(schema, folded)) if query is not None]

    def _latin_query(self, schema: Any, word: str) -> Any:
        from tantivy import Query  # noqa: PLC0415 - native; only a search loads it

        stems = self._stemmer.analyze(word)
        if not stems:
            return None
        alternatives = [
            Query.boost_query(Query.term_query(schema, f"{name}_latin", stem), _WEIGHTS[name])
            for name in ("title", "words")
            for stem in stems[:1]
        ]
        return _any_of(alternatives + _concept_queries(schema, concepts().of_word(word)))


def _han_queries(schema: Any, folded: str) -> Iterable[Any]:
    from tantivy import Occur, Query  # noqa: PLC0415 - native; only a search loads it

    for run in han_runs(folded):
        alternatives = []
        for name in ("title", "words"):
            all_pairs = [
                (Occur.Must, Query.term_query(schema, f"{name}_han", pair)) for pair in pairs(run)
            ]
            alternatives.append(Query.boost_query(Query.boolean_query(all_pairs), _WEIGHTS[name]))
        yield _any_of(alternatives + _concept_queries(schema, concepts().of_run(run)))


def _concept_queries(schema: Any, names: Iterable[str]) -> list[Any]:
    from tantivy import Query  # noqa: PLC0415 - native; only a search loads it

    return [
        Query.boost_query(Query.term_query(schema, "concepts", name), _WEIGHTS["concepts"])
        for name in names
    ]


def _any_of(queries: Iterable[Any]) -> Any:
    from tantivy import Occur, Query  # noqa: PLC0415 - native; only a search loads it

    return Query.boolean_query([(Occur.Should, query) for query in queries])


def _unscored(query: Any) -> Any:
    from tantivy import Query  # noqa: PLC0415 - native; only a search loads it

    return Query.const_score_query(query, 0.0)


def _fields(listing: Listing) -> Iterable[tuple[str, str]]:
    title = " ".join(text for _, text in listing.title.every())
    described = (listing.description, *listing.keywords, *listing.labels)
    words = [text for one in described for _, text in one.every()]
    words += [listing.publisher.name, listing.theme, *listing.columns, listing.id]
    facets: Mapping[str, tuple[str, ...]] = {
        "publisher": (listing.publisher.did,),
        "seat": (listing.publisher.seat.value,),
        "purpose": listing.purposes,
        "theme": (listing.theme,),
        "visibility": (listing.visibility.value,),
    }
    yield "key", _key(listing.publisher.did, listing.id)
    for name, text in (("title", title), ("words", " ".join(words))):
        folded = fold(text)
        yield f"{name}_latin", folded
        yield f"{name}_han", grams(folded)
    for concept in concepts().in_text(fold(" ".join((title, *words)))):
        yield "concepts", concept
    for name, values in facets.items():
        for value in values:
            yield name, value


def _key(publisher: str, dataset_id: str) -> str:
    return f"{publisher}|{dataset_id}"


def _unkey(key: str) -> tuple[str, str]:
    publisher, _, dataset_id = key.partition("|")
    return publisher, dataset_id
