"""What is known about a flow before the rules are asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tidegate.access.model import Seat
from tidegate.partners.model import GateFacts, GateQuestion
from tidegate.policy.model import Value

Groups = Mapping[str, Mapping[str, Value]]


class Mode(StrEnum):
    """How data, or what is made of them, move; the words of the rule packs."""

    ENCLAVE_QUERY = "enclave_query"
    FEDERATED = "federated"
    EXPORT_RESULT = "export_result"
    ROW_TRANSFER = "row_transfer"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True)
class UseAsked:
    """One use of data: what for, how, and whether it stays within what was approved."""

    purpose: str
    fields_subset: bool
    mode: Mode = Mode.ENCLAVE_QUERY
    rows_visible: bool = False
    creates_derived: bool = False
    peer_authenticated: bool = True


@dataclass(frozen=True, slots=True)
class OutputFacts:
    """A result that wants to leave: what it is, and which checks it has passed."""

    kind: str  # "table", "curve", "model"
    individual_level: bool
    auto_checks_pass: bool
    human_checked: bool


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
    03 multi-party computation, 04 federated, 05 trusted hardware, 06 encrypted state.
    """

    env_kind: str = "01"
    envs: tuple[str, ...] = ("01", "02", "04")
    purge_days: int = 180
    provision_years: int = 3
    log_days: int = 180
    enclave_years: int = 1
    space_requires_filing: bool = False


def _intact() -> bool:
    return True


def _nothing_left(_agreement_id: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Sources:
    """Whom to ask; the composition root hands these in.

    `gate` answers the conjunction of partners (or raises the first reason against), `data` what
    the commons know of a version (groups `dataset` and `deid`), `seat_of` the seat of a member or
    None, `evidence` the state of the log, `env_intact` whether the place of compute was verified,
    `purged` whether the workspace of an agreement is empty.
    """

    gate: Callable[[GateQuestion], GateFacts]
    data: Callable[[str], Groups]
    seat_of: Callable[[str], Seat | None]
    evidence: Callable[[], EvidenceFacts]
    env_intact: Callable[[], bool] = field(default=_intact)
    purged: Callable[[str], bool] = field(default=_nothing_left)
