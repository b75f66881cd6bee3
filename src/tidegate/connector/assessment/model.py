"""What is known about a flow before the rules are asked."""

from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum
from typing import Protocol

from tidegate.access.model import Seat
from tidegate.kernel.values import dataclass
from tidegate.partners.model import GateFacts, GateQuestion
from tidegate.policy.model import Policy, Value

Groups = Mapping[str, Mapping[str, Value]]


class Mode(StrEnum):
    """How data, or what is made of them, move; the words of the rule packs."""

    ENCLAVE_QUERY = "enclave_query"
    FEDERATED = "federated"
    EXPORT_RESULT = "export_result"
    ROW_TRANSFER = "row_transfer"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True)
class Way:
    """How one use happens: its mode, whether rows are seen, and which columns it reads.

    `columns` are written as in permits (`table.column`); None means nobody said.
    """

    mode: Mode = Mode.ENCLAVE_QUERY
    rows_visible: bool = False
    columns: tuple[str, ...] | None = None
    creates_derived: bool = False
    peer_authenticated: bool = True


class Output(Protocol):
    """A result that wants to leave: what it is, and which checks it has passed."""

    @property
    def kind(self) -> str:
        """What it is: a table, a curve, a model."""
        ...

    @property
    def individual_level(self) -> bool:
        """Whether it shows single people."""
        ...

    @property
    def auto_checks_pass(self) -> bool:
        """Whether the machine checks passed."""
        ...

    @property
    def checker_2(self) -> bool:
        """Whether a second person cleared it."""
        ...


class Question(Protocol):
    """An agreement about to be signed, as the negotiation asks about it."""

    @property
    def negotiation(self) -> str:
        """The negotiation, by its id here."""
        ...

    @property
    def provider(self) -> str:
        """The DID of the side that holds the data."""
        ...

    @property
    def consumer(self) -> str:
        """The DID of the side that asks."""
        ...

    @property
    def dataset_id(self) -> str:
        """The dataset."""
        ...

    @property
    def version_id(self) -> str:
        """The version that would be used."""
        ...

    @property
    def policy(self) -> Policy:
        """What would be agreed."""
        ...


@dataclass(frozen=True, slots=True)
class DestructionFacts:
    """How far a destruction is: all four must hold before it counts as done."""

    approved: bool
    two_person: bool
    verified: bool
    certificate_sent: bool


@dataclass(frozen=True, slots=True)
class EvidenceFacts:
    """Whether evidence can be written, and whether the log hangs together."""

    writable: bool
    chain_ok: bool


@dataclass(frozen=True, slots=True)
class AssessmentSettings:
    """What a site states of itself: its places of compute and how long it keeps records.

    `env_kind` and `envs` are codes of TC609-6-2025-14 executionEnv: 01 usage control, 02 sandbox,
    03 multi-party computation, 04 federated, 05 trusted hardware, 06 encrypted state. `stated` are
    inputs of law the site answers for itself, such as the route of the Hong Kong ordinance
    (`hk.route`); what any room knows better replaces them.
    """

    env_kind: str = "01"
    envs: tuple[str, ...] = ("01", "02", "04")
    purge_days: int = 180
    provision_years: int = 3
    log_days: int = 180
    enclave_years: int = 1
    space_requires_filing: bool = False
    stated: Groups = field(default_factory=dict)


def _intact() -> bool:
    return True


def _nothing_left(_agreement_id: str, _consumer: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Sources:
    """Whom to ask; the composition root hands these in.

    `facts` gives what partners know without judging it, `is_open` whether their whole gate opens,
    `data` what the commons know of a version (groups `dataset` and `deid`), `seat_of` the seat of a
    member or None, `evidence` the state of the log, `env_intact` whether the place of compute was
    verified, `purged` whether the consumer's workspace of an agreement is empty.
    """

    facts: Callable[[GateQuestion], GateFacts]
    is_open: Callable[[GateQuestion], bool]
    data: Callable[[str], Groups]
    seat_of: Callable[[str], Seat | None]
    evidence: Callable[[], EvidenceFacts]
    env_intact: Callable[[], bool] = _intact
    purged: Callable[[str, str], bool] = _nothing_left
