"""The catalogue as a peer may see it: pages, filters, single datasets."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace

import msgspec

from tidegate.audit.journal import Journal
from tidegate.connector.catalog.documents import service_part, show_catalog, show_single
from tidegate.connector.catalog.filters import Wanted, read_filters
from tidegate.connector.catalog.model import PAGE_SIZE, Page, Shown, Spot
from tidegate.connector.catalog.shelf import Catalogue, WrittenShelf
from tidegate.connector.messages.errors import MessageRefusedError, ProcessUnknownError
from tidegate.connector.messages.read import read
from tidegate.connector.messages.wire_catalog import CatalogRequestMessage
from tidegate.connector.model import Peer


class DspCatalogService:
    """Answers catalogue requests of other nodes."""

    def __init__(
        self,
        journal: Journal,
        catalogue: Catalogue,
        *,
        did: str,
        address: str,
        page_size: int = PAGE_SIZE,
    ) -> None:
        self.did = did
        self._address = address.rstrip("/")
        self._service_id = f"{did}#dsp"
        self._service = service_part(self._service_id, self._address)
        self._page_size = page_size
        self._shelf = WrittenShelf(journal, catalogue, self._service_id)

    def refresh(self) -> None:
        """Write what changed in the catalogue, so that no peer waits for it."""
        self._shelf.catch_up()

    def request(self, peer: Peer, body: bytes, *, cursor: str = "") -> Page:
        """Return a page of the datasets this peer may see.

        Raises MessageRefusedError for a filter or cursor this node does not understand: a
        request that is half understood would show too much.
        """
        filters = read(body, CatalogRequestMessage).message.filter
        wanted = read_filters(filters if isinstance(filters, list) else [])
        spot = self._spot(wanted, cursor)
        found = self._shelf.read(peer.as_recipient(), replace(spot, size=spot.size + 1))
        page = found[-spot.size :] if spot.before else found[: spot.size]
        is_first = not (cursor or wanted.offset)
        content = show_catalog(
            self.did,
            self._service,
            page,
            self._service_id,
            self._shelf.buried(peer.as_recipient()) if is_first and wanted.is_everything else b"",
        )
        links = _links(page, spot, has_more=len(found) > len(page))
        return Page(content, f"{self._address}/catalog/request", links)

    def dataset(self, peer: Peer, dataset_id: str) -> bytes:
        """Return one dataset as JSON; what a peer may not see does not exist for it."""
        found = self._shelf.read(peer.as_recipient(), Spot(1, names=frozenset((dataset_id,))))
        if not found:
            raise ProcessUnknownError("There is no such dataset.", code="dataset_unknown")
        return show_single(found[0], self._service_id)

    def _spot(self, wanted: Wanted, cursor: str) -> Spot:
        after, before = _read_cursor(cursor)
        return Spot(
            size=wanted.limit or self._page_size,
            after=after,
            before=before,
            skip=0 if cursor else wanted.offset,
            names=wanted.datasets,
            texts=tuple(text.casefold() for text in wanted.texts),
        )


def _links(page: list[Shown], spot: Spot, *, has_more: bool) -> tuple[tuple[str, str], ...]:
    """Link the pages beside one: those known to be there, and the one that was come from."""
    if not page:
        return ()
    has_next = bool(spot.before) or has_more
    has_previous = has_more if spot.before else bool(spot.after or spot.skip)
    links = [("next", _cursor(page[-1].id))] if has_next else []
    return (*links, ("previous", _cursor("", page[0].id))) if has_previous else tuple(links)


def _cursor(*place: str) -> str:
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[str, str]:
    """Return the id a page begins after, or the one it ends before."""
    if not cursor:
        return "", ""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        place = msgspec.json.decode(urlsafe_b64decode(padded), type=list[str])
    except (ValueError, msgspec.MsgspecError):
        place = []
    match place:
        case [str(after)] if after:
            return after, ""
        case ["", str(before)] if before:
            return "", before
    raise MessageRefusedError(
        "The cursor is not one this node gave; start again without.", code="cursor_invalid"
    )
