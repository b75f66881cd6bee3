"""Search over the space: keeps the derived index in step with the database and answers from it."""

import threading
from pathlib import Path

from sqlalchemy import Connection

from tidegate.access.model import Actor
from tidegate.audit.journal import Journal
from tidegate.catalogue import rules, store
from tidegate.catalogue.index import SearchIndex
from tidegate.catalogue.model import Hit, Listing, SearchQuery, SearchResult
from tidegate.catalogue.snippets import make_snippet
from tidegate.kernel.text import Language


def load_own(conn: Connection, dataset_id: str) -> Listing:
    """Return how the search shows a dataset of this node; raise if there is none."""
    return rules.list_own(
        store.get_dataset(conn, dataset_id),
        store.list_versions(conn, dataset_id),
        store.list_open_offers(conn, rules.OFFERABLE_STAGES, dataset_id=dataset_id),
        store.list_tombstones(conn, dataset_id),
        store.list_offers(conn, dataset_id=dataset_id),
    )


class SpaceSearch:
    """Answers searches; before each it brings the index up to the database's revision.

    So a steward finds what they published a moment ago, whether or not the background task ran.
    """

    def __init__(self, journal: Journal, folder: Path) -> None:
        self._journal = journal
        self._index = SearchIndex(folder)
        self._turn = threading.Lock()

    def catch_up(self) -> int:
        """Bring the index to the database's revision, from nothing if need be; return it."""
        with self._turn, self._journal.reading() as conn:
            wanted, held = store.get_revision(conn), self._index.revision
            if held == wanted:
                return held
            if held > wanted or held < 0:  # another layout, or the database was restored
                self._index.renew()
                held = 0
            own = [load_own(conn, each.id) for each in store.list_datasets_since(conn, held)]
            peers = store.list_harvested(conn, since=held, with_gone=True)
            listed = [rules.list_harvested(record) for record, is_gone in peers if not is_gone]
            gone = [(record.peer.did, record.dataset.id) for record, is_gone in peers if is_gone]
            self._index.put((*own, *listed), gone, revision=wanted)
            return wanted

    def search(self, query: SearchQuery, language: Language, *, by: Actor | None) -> SearchResult:
        """Find datasets; when nothing has all the words, find those that have some."""
        rules.check_query(query)
        self.catch_up()
        seen = rules.visibilities_for(by)
        total, keys = self._index.search(query, seen)
        relaxed = total == 0 and bool(query.text.strip())
        if relaxed:
            total, keys = self._index.search(query, seen, relaxed=True)
        facets = self._index.count_facets(query, seen, relaxed=relaxed)
        with self._journal.reading() as conn:
            listings = [self._find_listing(conn, *key) for key in keys]
        hits = tuple(
            Hit(listing, make_snippet(listing, query.text, language))
            for listing in listings
            if listing is not None
        )
        return SearchResult(query.text, total, hits, facets, is_relaxed=relaxed and total > 0)

    def _find_listing(self, conn: Connection, publisher: str, dataset_id: str) -> Listing | None:
        own = store.find_dataset(conn, dataset_id)
        if own is not None and own.publisher.did == publisher:
            return load_own(conn, dataset_id)
        for record, _ in store.list_harvested(conn, dataset_id=dataset_id):
            if record.peer.did == publisher:
                return rules.list_harvested(record)
        return None
