"""The nouns of the lab: results, runs of queries at the provider, questions at the consumer."""

from enum import StrEnum
from typing import TypeAlias

import msgspec

from tidegate.kernel.machine import Machine, Move
from tidegate.kernel.values import dataclass


class Heading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The title of an axis in three languages, and its groups in order."""

    name: str
    en: str
    zh_hant: str = ""
    zh_hans: str = ""
    groups: tuple[str, ...] = ()


class Shield(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which disclosure rules a result passed; a reader needs them to read the numbers right."""

    min_cell: int
    round_to: int
    min_events: int


class CountResult(
    msgspec.Struct, frozen=True, tag_field="kind", tag="count", forbid_unknown_fields=True
):
    """People in a cohort, rounded; a hidden group is None."""

    total: int
    shield: Shield
    by: Heading | None = None
    counts: tuple[int | None, ...] = ()


class CrossTableResult(
    msgspec.Struct, frozen=True, tag_field="kind", tag="cross_table", forbid_unknown_fields=True
):
    """People by two variables, rounded; a hidden number is None."""

    rows: Heading
    columns: Heading
    cells: tuple[tuple[int | None, ...], ...]
    row_totals: tuple[int | None, ...]
    column_totals: tuple[int | None, ...]
    total: int
    shield: Shield


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On `day`, of `at_risk` people `events` had the event; survival in 1/10,000."""

    day: int
    at_risk: int
    events: int
    survival: int


class Curve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One group's curve; `people` is None when the group is hidden."""

    group: str
    people: int | None
    steps: tuple[Step, ...] = ()


class SurvivalResult(
    msgspec.Struct, frozen=True, tag_field="kind", tag="kaplan_meier", forbid_unknown_fields=True
):
    """Kaplan-Meier curves computed from rounded numbers."""

    curves: tuple[Curve, ...]
    every: int
    shield: Shield
    by: Heading | None = None


Result: TypeAlias = CountResult | CrossTableResult | SurvivalResult


class RunState(StrEnum):
    """Where a query stands."""

    SUBMITTED = "submitted"
    AWAITING_CHECKER = "awaiting_checker"
    RELEASED = "released"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    STOPPED = "stopped"


MACHINE = "machine"
CHECKER = "checker"
REQUESTER = "requester"
_S = RunState

QUERY_LIFE: Machine[RunState] = Machine(
    name="query",
    start=_S.SUBMITTED,
    moves=(
        Move("refuse", _S.SUBMITTED, _S.REFUSED, MACHINE),
        Move("hold", _S.SUBMITTED, _S.AWAITING_CHECKER, MACHINE),
        Move("release", _S.SUBMITTED, _S.RELEASED, MACHINE),
        Move("stop", _S.SUBMITTED, _S.STOPPED, MACHINE),
        Move("withdraw", _S.SUBMITTED, _S.WITHDRAWN, REQUESTER),
        Move("clear", _S.AWAITING_CHECKER, _S.RELEASED, CHECKER),
        Move("reject", _S.AWAITING_CHECKER, _S.REFUSED, CHECKER),
        Move("refuse", _S.AWAITING_CHECKER, _S.REFUSED, MACHINE),
        Move("stop", _S.AWAITING_CHECKER, _S.STOPPED, MACHINE),
        Move("withdraw", _S.AWAITING_CHECKER, _S.WITHDRAWN, REQUESTER),
    ),
)


@dataclass(frozen=True, slots=True)
class Run:
    """One query at the node that holds the data. The result and its sets of people are sealed."""

    id: str
    request_id: str
    transfer_pid: str
    agreement_id: str
    peer_did: str
    person_ref: str
    dataset_id: str
    version_id: str
    query: str
    query_hash: str
    state: RunState
    submitted_at: str
    settled_at: str | None = None
    reason_code: str = ""
    reason: str = ""
    receipt_id: str = ""
    result_hash: str = ""
    result_sealed: str = ""
    pending_sealed: str = ""
    checked_by: str | None = None
    checked_at: str | None = None


@dataclass(frozen=True, slots=True)
class RunAnswer:
    """What the asking node is told at once; a result follows by message when it is released."""

    id: str
    request_id: str
    state: RunState
    code: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WaitingRelease:
    """What a checker sees: who asks for what, under what, and the result as it would leave."""

    id: str
    agreement_id: str
    dataset_id: str
    version_id: str
    peer_did: str
    person_ref: str
    query: str
    submitted_at: str
    receipt_id: str
    result: Result


@dataclass(frozen=True, slots=True)
class Asked:
    """One of a researcher's queries, at their own node."""

    id: str
    agreement_id: str
    dataset_id: str
    provider: str
    person_id: str
    query: str
    query_hash: str
    state: RunState
    submitted_at: str
    answered_at: str | None = None
    remote_id: str = ""
    reason_code: str = ""
    reason: str = ""
    result_hash: str = ""
    derived_id: str = ""
    destroyed_at: str | None = None
