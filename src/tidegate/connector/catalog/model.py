"""Pages of the catalogue on their way out, what is kept for them, words beyond the protocol's."""

from urllib.parse import quote

from tidegate.kernel.values import dataclass
from tidegate.policy.model import Policy

WORDS = "https://w3id.org/tidegate/catalogue/"
VERSION = f"{WORDS}version"
ROWS = f"{WORDS}rows"
COLUMNS = f"{WORDS}columns"
CODEBOOK = f"{WORDS}codebook"
COLUMN = f"{WORDS}column"
UNIT = f"{WORDS}unit"
TOMBSTONE = f"{WORDS}tombstone"
PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the catalogue as JSON; `links` are (relation, cursor) pairs."""

    content: bytes
    address: str
    links: tuple[tuple[str, str], ...] = ()

    def link_header(self) -> str:
        """Return the Link header (RFC 8288) to the pages beside this one, or an empty string."""
        return ", ".join(
            f'<{self.address}?cursor={quote(cursor)}>; rel="{relation}"'
            for relation, cursor in self.links
        )


@dataclass(frozen=True, slots=True)
class WrittenOffer:
    """An offer as it is sent: its terms, what is said of its version, and for whom it is."""

    id: str
    terms: str
    about: str
    formats: tuple[str, ...]
    audience: Policy
    """The part of its policy that asks who the recipient is; many offers share one."""

    @property
    def audience_id(self) -> str:
        """Return the name of the audience: the same for the same terms."""
        return self.audience.digest


@dataclass(frozen=True, slots=True)
class Written:
    """A dataset as it is sent: the JSON of what does not depend on who asks, and its offers."""

    id: str
    words: str
    head: str
    offers: tuple[WrittenOffer, ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """Which stretch of the catalogue is asked for: between ids, by names or words, how much."""

    size: int
    after: str = ""
    before: str = ""
    skip: int = 0
    names: frozenset[str] | None = None
    texts: tuple[str, ...] = ()


@dataclass(slots=True)
class Shown:
    """A dataset with the offers one peer may see."""

    id: str
    head: str
    about: str
    terms: list[str]
    formats: set[str]
