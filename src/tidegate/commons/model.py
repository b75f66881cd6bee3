"""The nouns of the commons: stages, holdings, reports of acquisition, destruction, certificates."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from tidegate.commons.vault.model import StoredObject
from tidegate.deid.model import RiskReport
from tidegate.kernel.text import Multilingual
from tidegate.kernel.values import dataclass

NO_TEXT = Multilingual("")


class Stage(StrEnum):
    """Where a version stands in its life."""

    PLANNED = "planned"
    GENERATED = "generated"
    ACQUIRED = "acquired"
    CLASSIFIED = "classified"
    DEIDENTIFIED = "deidentified"
    STORED = "stored"
    ARCHIVED = "archived"
    DESTROYED = "destroyed"
    RESTRICTED = "restricted"
    QUARANTINED = "quarantined"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class TableObject:
    """One table as an encrypted Parquet object."""

    table: str
    rows: int
    stored: StoredObject


@dataclass(frozen=True, slots=True)
class Holding:
    """What this node physically keeps of a version, and where it stands."""

    version_id: str
    dataset_id: str
    stage: Stage
    revision: int
    acquired_at: str
    retain_until: str
    has_under14: str = ""
    """yes, no, or empty when the data do not say."""
    intake: tuple[TableObject, ...] = ()
    quarantine: tuple[TableObject, ...] = ()
    tables: tuple[TableObject, ...] = ()
    manifest: StoredObject | None = None
    report: RiskReport | None = None
    members: StoredObject | None = None
    """Who was published in which class, as keyed digests: later versions are checked with it."""
    paper: StoredObject | None = None
    """The risk report as a document that others can check."""
    intake_destroyed_at: str = ""
    fixity_checked_at: str = ""
    aside_from: Stage | None = None
    """Where it stood when it was restricted, suspended or quarantined, and comes back to."""

    def objects(self) -> tuple[StoredObject, ...]:
        """Return every encrypted object of the version."""
        tables = (*self.intake, *self.quarantine, *self.tables)
        also = (self.manifest, self.members, self.paper)
        single = (one for one in also if one is not None)
        return (*(table.stored for table in tables), *single)

    def emptied(self) -> "Holding":
        """Return what is still known of the version once every object of it is gone."""
        return replace(
            self, intake=(), quarantine=(), tables=(), manifest=None, members=None, paper=None
        )


@dataclass(frozen=True, slots=True)
class AcquireReport:
    """What an acquisition took in: accepted + quarantined = received, always."""

    dataset: str
    version: str
    received: int
    accepted: int
    quarantined: int
    tables: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    reasons: tuple[tuple[str, int], ...] = ()
    """Why rows were quarantined, and how many for each reason."""


@dataclass(frozen=True, slots=True)
class ColumnNote:
    """What the descriptor says about one column."""

    table: str
    column: str
    role: str = ""
    kind: str = ""
    unit: str = ""
    label: Multilingual = NO_TEXT


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What people say about the data they hand over."""

    title: Multilingual
    description: Multilingual = NO_TEXT
    keywords: tuple[Multilingual, ...] = ()
    theme: str = "HEAL"
    source_note: str = ""
    columns: tuple[ColumnNote, ...] = ()
    encoding: str = ""
    missing: tuple[str, ...] = ("", "NA")
    retain_years: int = 10

    def note_for(self, table: str, column: str) -> ColumnNote | None:
        """Return what is said about a column; a note without a table speaks of every table."""
        found = None
        for note in self.columns:
            if note.column == column and note.table in {"", table}:
                found = note
        return found


class DestructionState(StrEnum):
    """How far a destruction is."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Destruction:
    """A destruction: asked for by one person, approved by another, then carried out to the end."""

    id: str
    version_id: str
    reason: str
    state: DestructionState
    requested_by: str
    requested_at: str
    approved_by: str = ""
    approved_at: str = ""
    certificate_id: str = ""


class CopyState(StrEnum):
    """What became of a derived copy."""

    HELD = "held"
    DESTROYED = "destroyed"


@dataclass(frozen=True, slots=True)
class Derived:
    """Something made from a version: here (with an object of ours) or at a peer (reported).

    `source` is the version or dataset it was made from; `provider` the DID it came from (our own
    for copies that others hold of our data).
    """

    id: str
    source: str
    agreement_id: str
    provider: str
    holder: str
    kind: str
    name: str
    state: CopyState
    recorded_at: str
    stored: StoredObject | None = None
    certificate_id: str = ""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A version's rows as one encrypted object, made for one agreement to be fetched or sent."""

    id: str
    agreement_id: str
    version_id: str
    name: str
    media_type: str
    sha256: str
    stored: StoredObject
    made_at: str
    state: CopyState = CopyState.HELD


@dataclass(frozen=True, slots=True)
class Certificate:
    """A signed statement that data were destroyed."""

    id: str
    subject: str
    issuer: str
    issued_at: str
    body: Mapping[str, object]
    jws: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way in: encrypted under a key of its own from the first byte."""

    id: str
    name: str
    person: str
    received_at: str
    stored: StoredObject
