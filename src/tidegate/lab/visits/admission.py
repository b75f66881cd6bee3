"""Whether this person may ask this version now: agreement, gate, policy and law, every time."""

from collections.abc import Callable

from tidegate.access.model import Seat, node_actor, system_actor
from tidegate.audit.journal import Tx
from tidegate.connector.assessment.model import Way
from tidegate.connector.transfer.model import Visit
from tidegate.kernel.clock import Clock
from tidegate.kernel.values import dataclass
from tidegate.lab.disclosure.limits import NODE_FLOOR, Limits
from tidegate.lab.errors import NotTheCheckerError, RuleSaysNoError
from tidegate.lab.model import Run
from tidegate.lab.query.model import KaplanMeier, Query
from tidegate.lab.query.names import columns_of
from tidegate.lab.visits.ports import Agreements, Assessor, Gate, ReleaseFacts
from tidegate.partners.model import GateFacts
from tidegate.policy.model import Agreement, Decision, Outcome, UseFacts
from tidegate.policy.service import CONSTRAINTS, IN_PLACE, check_in_force, minimum_cell

SECOND_CHECKER_RULES = frozenset({"PM-04"})
_REVIEW = frozenset(iri for iri, term in CONSTRAINTS.items() if term.name == "output-review")


@dataclass(frozen=True, slots=True)
class Admitted:
    """A use that was let in, and on what grounds."""

    agreement: Agreement
    gate: GateFacts
    decision: Decision
    limits: Limits


class Admission:
    """Checks one use after another against everything that lets people in."""

    def __init__(
        self,
        agreements: Agreements,
        gate: Gate,
        assessor: Assessor,
        seat_of: Callable[[str], Seat | None],
        clock: Clock,
    ) -> None:
        self._agreements = agreements
        self._gate = gate
        self._assessor = assessor
        self._seat_of = seat_of
        self._clock = clock

    def admit(self, visit: Visit, query: Query, run_id: str) -> Admitted:
        """Let a visit's query in; raise with the first reason against it."""
        agreement = self._agreements.get_agreement(visit.agreement_id)
        limits = limits_of(agreement)
        gate = self.check_use(agreement, visit.person_ref, limits)
        decision = self._assessor.assess_query(
            agreement,
            visit.person_ref,
            gate,
            by=node_actor(visit.peer_did),
            to=f"query:{run_id}",
            way=way_of(query),
        )
        check_allowed(decision)
        return Admitted(agreement, gate, decision, limits)

    def check_use(self, agreement: Agreement, person_ref: str, limits: Limits) -> GateFacts:
        """Check gate and policy for a person's use at this moment.

        An agreement that is over is the first reason: what else closed with it follows from that.
        """
        check_in_force(agreement)
        gate = self._gate.check(agreement, person_ref, now=self._clock.now())
        seat = self._seat_of(agreement.assignee)
        facts = UseFacts(
            assignee=agreement.assignee,
            seat=None if seat is None else seat.value,
            purpose=gate.purpose,
            place=IN_PLACE,
            minimum_cell=limits.min_cell,
            logged=True,
        )
        self._agreements.check_use(agreement, facts)
        return gate

    def agreement(self, agreement_id: str) -> Agreement:
        """Return an agreement as it stands now."""
        return self._agreements.get_agreement(agreement_id)

    def count_use(self, tx: Tx, agreement_id: str) -> None:
        """Count one use in the caller's write; raise when the agreement has none left."""
        self._agreements.count_use(tx, agreement_id)

    def check_still_open(self, tx: Tx, run: Run) -> None:
        """Raise, inside the write that lets a result leave, unless agreement and gate let it."""
        self._agreements.check_still_in_force(tx, run.agreement_id)
        agreement = self._agreements.get_agreement(run.agreement_id)
        self._gate.check_within(tx, agreement, run.person_ref)

    def may_leave(
        self, agreement: Agreement, run: Run, query: Query, *, checked_by: str = ""
    ) -> tuple[Decision, bool]:
        """Decide about a result that passed the machine: (decision, needs a checker).

        Raises NotTheCheckerError where the one who checked it takes part in the study.
        """
        gate = self.check_use(agreement, run.person_ref, limits_of(agreement))
        checked = bool(checked_by)
        if checked_by in gate.study:
            raise NotTheCheckerError(
                "Nobody clears results of a study they take part in; ask another checker.",
                code="own_study",
            )
        kind = "curve" if isinstance(query, KaplanMeier) else "table"
        output = ReleaseFacts(kind, auto_checks_pass=True, checker_2=checked)
        decision = self._assessor.assess_release(
            agreement,
            run.person_ref,
            gate,
            output,
            by=system_actor("lab"),
            to=f"query:{run.id}",
        )
        if not checked and _waits_for_checker(decision):
            return decision, True
        check_allowed(decision)
        return decision, not checked and reviews_every_output(agreement)


def limits_of(agreement: Agreement) -> Limits:
    """Return the limits of an agreement: its own minimum cell, never under the node's floor.

    The events of a step of a survival curve are a cell too.
    """
    floor = max(NODE_FLOOR, minimum_cell(agreement.policy) or NODE_FLOOR)
    return Limits(min_cell=floor, min_events=floor)


def reviews_every_output(agreement: Agreement) -> bool:
    """Tell whether the agreement asks for a person's look at every result."""
    return any(
        constraint.left in _REVIEW and "every" in constraint.right
        for rule in agreement.policy.permissions
        for constraint in rule.constraints
    )


def way_of(query: Query) -> Way:
    """Describe how a query uses the data: in place, no rows seen, these columns read."""
    names = sorted(f"{table}.{column}" for table, column in columns_of(query))
    return Way(columns=tuple(names))


def check_allowed(decision: Decision) -> None:
    """Raise RuleSaysNoError with the rule and the missing fact unless the decision is to allow."""
    if decision.is_allowed:
        return
    raise RuleSaysNoError(
        "The rules of the space do not allow this: "
        + (decision.objections() or "no rule allows it")
        + ". Ask the holder's legal officer to settle it.",
        code="rules_" + decision.outcome.value,
        receipt=decision.receipt_id,
    )


def _waits_for_checker(decision: Decision) -> bool:
    against = {found.rule for found in decision.findings if found.outcome is not Outcome.ALLOW}
    return decision.outcome is Outcome.NEEDS_APPROVAL and against <= SECOND_CHECKER_RULES
