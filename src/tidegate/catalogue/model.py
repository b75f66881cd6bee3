"""What the catalogue knows: datasets, versions, codebooks, quality, classification, offers.

Words follow DCAT 3 (W3C Recommendation, August 2024) and the glossary. Everything here describes
data and holds none of it: a codebook never shows a value of a direct identifier, and folds small
categories away before they are written down.
"""

from collections.abc import Iterator
from enum import StrEnum

from tidegate.access.model import Participant
from tidegate.kernel.text import Multilingual
from tidegate.kernel.values import dataclass
from tidegate.policy.model import Policy

SMALL_CATEGORY = 10
"""A category with fewer rows than this is folded into OTHER_CATEGORY in a codebook."""

OTHER_CATEGORY = "(other)"

UNNAMED = Multilingual("")


class ColumnRole(StrEnum):
    """What a column says about the person a row belongs to."""

    DIRECT_IDENTIFIER = "direct_identifier"
    PERSON_KEY = "person_key"
    QUASI_IDENTIFIER = "quasi_identifier"
    SENSITIVE = "sensitive"
    DATE = "date"
    MEASURE = "measure"
    OTHER = "other"


class OfferState(StrEnum):
    """Whether an offer can be negotiated now."""

    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Category:
    """Hold one value of a categorical column and how many rows have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Column:
    """Describe one column as measured from the data."""

    name: str
    type: str
    """integer, number, string, boolean or date"""
    role: ColumnRole = ColumnRole.OTHER
    identifier_kind: str = ""
    """hk_id, cn_id, name, phone, address, mrn, or empty when the column identifies nobody"""
    label: Multilingual = UNNAMED
    unit: str = ""
    missing: int = 0
    distinct: int = 0
    minimum: str | None = None
    maximum: str | None = None
    categories: tuple[Category, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Describe one table of a version."""

    name: str
    rows: int
    columns: tuple[Column, ...]
    person_key: str = ""

    def find_column(self, name: str) -> Column | None:
        """Return the column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True)
class Codebook:
    """Describe every table and column of a version."""

    tables: tuple[Table, ...] = ()

    def find_table(self, name: str) -> Table | None:
        """Return the table of that name, or None."""
        return next((table for table in self.tables if table.name == name), None)

    def columns(self) -> Iterator[tuple[Table, Column]]:
        """Yield every column with its table."""
        for table in self.tables:
            for column in table.columns:
                yield table, column


@dataclass(frozen=True, slots=True)
class TableQuality:
    """Measure one table: how full it is and how often rows repeat."""

    table: str
    rows: int
    completeness_per_mille: int
    """Filled cells of all cells, in thousandths."""
    duplicates: int = 0
    """Rows that repeat an earlier row in every column."""


@dataclass(frozen=True, slots=True)
class QualityCheck:
    """State one check, whether it passed, and what was counted."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class QualityProfile:
    """Gather the measured quality of a version."""

    tables: tuple[TableQuality, ...] = ()
    checks: tuple[QualityCheck, ...] = ()

    def passed(self) -> int:
        """Count the checks that passed."""
        return sum(check.passed for check in self.checks)


@dataclass(frozen=True, slots=True)
class Classification:
    """State how protected a version is, under which basis, and which two people said so."""

    cn_class: str
    """core, important or general (Data Security Law of the PRC, art. 21)"""
    level: int
    """1 to 5 (GB/T 39725-2020, section 6)"""
    personal: bool
    sensitive: bool
    basis: str
    important_status: str = ""
    hgr: str = "none"
    """none, info or material (Regulations on Human Genetic Resources)"""
    source: str = "hospital"
    proposed_by: str = ""
    approved_by: str = ""
    proposal: str = ""
    """SHA-256 of all of this but the approval: what the second person names"""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Name one file as received, with its rows, size and hash."""

    name: str
    rows: int
    bytes: int
    sha256: str
    media_type: str


@dataclass(frozen=True, slots=True)
class DatasetRecord:
    """Describe a dataset: the unit that is catalogued and keeps its name through its versions."""

    id: str
    title: Multilingual
    description: Multilingual
    keywords: tuple[Multilingual, ...]
    theme: str
    publisher: Participant
    created_at: str
    source_note: str = ""
    """Where the data really come from and what they play, said openly (licence, origin)."""


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """Describe one immutable state of a dataset and where it stands in its life."""

    id: str
    dataset_id: str
    number: int
    stage: str
    created_at: str
    codebook: Codebook = Codebook()
    quality: QualityProfile = QualityProfile()
    classification: Classification | None = None
    rows_received: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    files: tuple[FileRecord, ...] = ()
    parent_version: str = ""
    """The version this one was made from (de-identification makes a new state), or empty."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Offer a version under a policy; the terms never change, a new offer replaces an old one."""

    id: str
    dataset_id: str
    version_id: str
    policy: Policy
    state: OfferState
    formats: tuple[str, ...]
    published_by: str
    published_at: str
    withdrawn_by: str = ""
    withdrawn_at: str = ""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Keep, for ever, that a version existed and why its data are gone."""

    version_id: str
    dataset_id: str
    reason: str
    buried_at: str
    certificate_id: str = ""


@dataclass(frozen=True, slots=True)
class Grave:
    """A version that was offered once and is gone, with its dataset and the terms it was under."""

    dataset: DatasetRecord
    stone: Tombstone
    terms: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class HarvestedOffer:
    """Hold an offer as another node's catalogue states it."""

    id: str
    policy: Policy
    formats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnWords:
    """Say what a peer's column (table.column) means: its label and unit, where it states them."""

    name: str
    label: Multilingual = UNNAMED
    unit: str = ""


@dataclass(frozen=True, slots=True)
class HarvestedDataset:
    """Hold a dataset as another node's catalogue states it.

    `id` is the dataset's id at the peer. An offer whose policy we cannot read is left out by the
    harvester (fail closed) and counted in `unreadable_offers`.
    """

    id: str
    title: Multilingual
    description: Multilingual
    keywords: tuple[Multilingual, ...] = ()
    theme: str = ""
    version_id: str = ""
    rows: int = 0
    columns: tuple[str, ...] = ()
    codebook: tuple[ColumnWords, ...] = ()
    offers: tuple[HarvestedOffer, ...] = ()
    tombstone: str = ""
    unreadable_offers: int = 0
    issued: str = ""


@dataclass(frozen=True, slots=True)
class HarvestedRecord:
    """Join a harvested dataset with the peer it came from and when it was last seen."""

    peer: Participant
    dataset: HarvestedDataset
    harvested_at: str


class Visibility(StrEnum):
    """Who may find a record: everyone while it is offered, everyone its grave, else its keepers."""

    OFFERED = "offered"
    INTERNAL = "internal"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Listing:
    """Describe a dataset as the search shows it, of this node or of a peer."""

    id: str
    """The dataset's id at its publisher."""
    publisher: Participant
    is_own: bool
    title: Multilingual
    description: Multilingual
    keywords: tuple[Multilingual, ...]
    theme: str
    purposes: tuple[str, ...]
    rows: int
    columns: tuple[str, ...]
    visibility: Visibility
    labels: tuple[Multilingual, ...] = ()
    tombstone: str = ""


@dataclass(frozen=True, slots=True)
class Snippet:
    """Show a passage that matched, cut into pieces; the marked ones are what was found."""

    pieces: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """Show one found dataset with the passage that matched."""

    listing: Listing
    snippet: Snippet


@dataclass(frozen=True, slots=True)
class FacetCount:
    """Count the found datasets that have one value of a facet."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Answer a search: the best hits, how many there are, and how they divide by facet."""

    text: str
    total: int
    hits: tuple[Hit, ...]
    facets: tuple[tuple[str, tuple[FacetCount, ...]], ...] = ()
    is_relaxed: bool = False
    """Nothing had all the words, so these have at least one of them."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Ask for datasets: words (may be empty), chosen facet values, and which page."""

    text: str = ""
    publisher: str = ""
    seat: str = ""
    purpose: str = ""
    theme: str = ""
    offset: int = 0
    limit: int = 20

    def chosen(self) -> tuple[tuple[str, str], ...]:
        """Return the facets that are narrowed, with their values."""
        pairs = (
            ("publisher", self.publisher),
            ("seat", self.seat),
            ("purpose", self.purpose),
            ("theme", self.theme),
        )
        return tuple((name, value) for name, value in pairs if value)

    def choosing(self, facet: str, value: str) -> "SearchQuery":
        """Return the query with one facet narrowed to `value`, from the first page on."""
        changed = dict(self.chosen()) | {facet: value}
        return SearchQuery(
            text=self.text,
            publisher=changed.get("publisher", ""),
            seat=changed.get("seat", ""),
            purpose=changed.get("purpose", ""),
            theme=changed.get("theme", ""),
            limit=self.limit,
        )
