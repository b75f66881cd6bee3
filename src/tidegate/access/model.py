"""People, institutions and seats: the nouns every other room names its actors with."""

from enum import StrEnum

from tidegate.kernel.values import dataclass

PERSON_MARK = "#"


class Role(StrEnum):
    """What a person may be asked to do at this node; a person can hold several."""

    OPERATOR = "operator"
    STEWARD = "steward"
    COMMITTEE = "committee"
    CHECKER = "checker"
    RESEARCHER = "researcher"
    TRAINER = "trainer"
    LEGAL = "legal"
    AUDITOR = "auditor"
    CLINICIAN = "clinician"
    DEVELOPER = "developer"


class Seat(StrEnum):
    """The legal seat of an institution, as the rules across the border tell them apart.

    `CN-GBA9` is one of the nine Mainland cities of the Greater Bay Area, the only Mainland
    seats the standard contracts of the Greater Bay Area are open to.
    """

    HK = "HK"
    MO = "MO"
    CN_GBA9 = "CN-GBA9"
    CN_OTHER = "CN-OTHER"
    OTHER = "OTHER"

    @property
    def is_mainland(self) -> bool:
        """Whether the seat is under Mainland law."""
        return self in {Seat.CN_GBA9, Seat.CN_OTHER}

    @property
    def jurisdiction(self) -> str:
        """Name the legal territory of the seat: CN, HK, MO or OTHER."""
        return "CN" if self.is_mainland else self.value


@dataclass(frozen=True, slots=True)
class Participant:
    """An institution: its DID, the name people call it by, and its seat."""

    did: str
    name: str
    seat: Seat


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: `person:per_…`, `node:<did>` or `system:<handler>`."""

    id: str
    name: str
    roles: frozenset[Role] = frozenset()

    @property
    def person_id(self) -> str:
        """The person's id, or an empty string when no person acts."""
        kind, _, rest = self.id.partition(":")
        return rest if kind == "person" else ""

    @property
    def is_system(self) -> bool:
        """Whether the node itself acts."""
        return self.id.startswith("system:")


def system_actor(handler: str) -> Actor:
    """Name the node's own handler as the one who acts."""
    return Actor(id=f"system:{handler}", name=handler)


def node_actor(did: str) -> Actor:
    """Name another node as the one who acts."""
    return Actor(id=f"node:{did}", name=did)


def person_ref(did: str, person_id: str) -> str:
    """Name a person so that other nodes understand it: institution, then person."""
    return f"{did}{PERSON_MARK}{person_id}"


def institution_of(ref: str) -> str:
    """Take the institution's DID out of a person reference."""
    return ref.partition(PERSON_MARK)[0]


def person_id_of(ref: str) -> str:
    """Take the person's own id out of a person reference."""
    return ref.partition(PERSON_MARK)[2]


class PersonState(StrEnum):
    """Whether a person may act at all."""

    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works at this node."""

    id: str
    name: str
    email: str
    roles: frozenset[Role]
    state: PersonState
    has_password: bool = False
    has_totp: bool = False
    created_at: str = ""
    created_by: str = ""

    def as_actor(self) -> Actor:
        """Give the actor this person is when signed in."""
        return Actor(id=f"person:{self.id}", name=self.name, roles=self.roles)


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser; `token` is the cookie's secret and is known only at its birth."""

    id: str
    token: str
    person_id: str
    created_at: str
    idle_until: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A bearer token of one person; the secret itself is shown once and never kept."""

    id: str
    person_id: str
    label: str
    created_at: str
    expires_at: str
    revoked_at: str | None


@dataclass(frozen=True, slots=True)
class TotpEnrolment:
    """The secret of a second factor on its way to the person's authenticator."""

    secret: str
    address: str


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """How long proofs of identity last and how many guesses are free.

    The Argon2 figures are the second recommended option of RFC 9106 section 4.
    """

    link_minutes: int = 30
    most_link_minutes: int = 7 * 24 * 60
    idle_minutes: int = 30
    session_hours: int = 12
    token_days: int = 90
    most_token_days: int = 366
    free_failures: int = 5
    lock_minutes: int = 15
    argon2_memory_kib: int = 65536
    argon2_passes: int = 3
    argon2_lanes: int = 4
    argon2_at_once: int = 4
    argon2_patience: float = 2.0  # seconds to wait for a turn
