"""A page of the catalogue on its way out, and the words it uses beyond the protocol's."""

from urllib.parse import quote

from tidegate.connector.messages.compose import Document
from tidegate.kernel.values import dataclass

WORDS = "https://w3id.org/tidegate/catalogue/"
VERSION = f"{WORDS}version"
ROWS = f"{WORDS}rows"
COLUMNS = f"{WORDS}columns"
TOMBSTONE = f"{WORDS}tombstone"
PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the catalogue; `links` are (relation, cursor) pairs."""

    document: Document
    address: str
    links: tuple[tuple[str, str], ...] = ()

    def link_header(self) -> str:
        """Return the Link header (RFC 8288) to the pages beside this one, or an empty string."""
        return ", ".join(
            f'<{self.address}?cursor={quote(cursor)}>; rel="{relation}"'
            for relation, cursor in self.links
        )
