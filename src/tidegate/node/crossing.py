"""Whether rows may cross: policy, gate, version and law, each time anew."""

from collections.abc import Callable
from typing import Protocol

from tidegate.access.model import Seat, node_actor
from tidegate.audit.journal import Tx
from tidegate.catalogue.model import VersionRecord
from tidegate.connector.assessment.model import Mode, Way
from tidegate.partners.model import GateFacts, PersonAssertion
from tidegate.policy.errors import UseWithheldError
from tidegate.policy.model import Agreement, Decision, Outcome, UseFacts
from tidegate.policy.service import check_in_force, rows_refusal

ELSEWHERE = "elsewhere"


class Gate(Protocol):
    """The partners' gate."""

    def admit(self, agreement: Agreement, assertion: PersonAssertion) -> str:
        """Let in a person another node vouches for; return the permit."""
        ...

    def check(self, agreement: Agreement, person_ref: str, *, project_id: str = "") -> GateFacts:
        """Return what was found, or raise with the first reason."""
        ...


class Assessor(Protocol):
    """The rules of law."""

    def assess_query(
        self,
        agreement: Agreement,
        person_ref: str,
        gate: GateFacts,
        *,
        by: str,
        to: str = "",
        way: Way = ...,
    ) -> Decision:
        """Judge one use under an agreement, as it is about to run."""
        ...


class Uses(Protocol):
    """The agreements and their ledgers."""

    def check_use(self, agreement: Agreement, facts: UseFacts) -> None:
        """Raise unless the use stays inside the agreement."""
        ...

    def uses_so_far(self, agreement_id: str) -> int:
        """Return how many uses of an agreement were counted."""
        ...

    def count_use(self, tx: Tx, agreement_id: str) -> int:
        """Count one use; raise when no use is left."""
        ...


class Versions(Protocol):
    """What the catalogue knows of a version."""

    def get_version(self, version_id: str) -> VersionRecord:
        """Return a version; raise where there is none."""
        ...


class Approvals(Protocol):
    """What people answered where the rules leave rows to a person."""

    def check(self, agreement: Agreement, seat: str, decision: Decision, transfer: str) -> None:
        """Return where a person approved exactly this; raise otherwise, and ask."""
        ...


class RowsCrossing:
    """Lets rows out where the policy says so, everyone named may, and the law allows it."""

    def __init__(
        self,
        uses: Uses,
        gate: Gate,
        assessor: Assessor,
        versions: Versions,
        check_leaves: Callable[[str], object],
        seat_of: Callable[[str], Seat | None],
        approvals: Approvals,
    ) -> None:
        self._uses = uses
        self._gate = gate
        self._assessor = assessor
        self._versions = versions
        self._check_leaves = check_leaves
        self._seat_of = seat_of
        self._approvals = approvals

    def check_asked(self, agreement: Agreement) -> None:
        """As consumer: raise UseWithheldError unless the agreement's words let rows come here."""
        refusal = rows_refusal(agreement.policy)
        if refusal is not None:
            raise refusal.as_error()

    def check_open(self, agreement: Agreement, person: PersonAssertion | None) -> str:
        """As provider of a transfer that counted its use: raise unless all still holds."""
        return self._checked(agreement, person, counted=True).permit_id

    def let_out(
        self,
        agreement: Agreement,
        person: PersonAssertion | None,
        transfer: str,
        *,
        counted: bool = False,
    ) -> str:
        """As provider: the same, and the rules of law, whose receipt stands with the transfer.

        `counted`: this transfer's own use stands in the ledger already. Where the peer names nobody
        the gate has checked everyone the permit names, and the rules hear of the first. What
        the rules give to a person to approve passes once a legal officer has approved exactly that.
        """
        gate = self._checked(agreement, person, counted=counted)
        decision = self._assessor.assess_query(
            agreement,
            person.person_ref if person else next(iter(gate.people), ""),
            gate,
            by=node_actor(agreement.assignee).id,
            to=f"transfer:{transfer}",
            way=Way(Mode.ROW_TRANSFER, rows_visible=True, columns=self._columns(agreement)),
        )
        if decision.outcome is Outcome.NEEDS_APPROVAL:
            seat = self._seat_of(agreement.assignee)
            told = "" if seat is None else seat.value
            self._approvals.check(agreement, told, decision, transfer)
        else:
            check_allowed(decision)
        return gate.permit_id

    def count(self, tx: Tx, agreement_id: str) -> None:
        """Count one use in the caller's write; raise when the agreement has none left."""
        self._uses.count_use(tx, agreement_id)

    def _checked(
        self, agreement: Agreement, person: PersonAssertion | None, *, counted: bool
    ) -> GateFacts:
        check_in_force(agreement)
        self.check_asked(agreement)
        self._check_leaves(agreement.version_id)
        if person is not None:
            self._gate.admit(agreement, person)
        gate = self._gate.check(
            agreement,
            person.person_ref if person else "",
            project_id=person.project_id if person else "",
        )
        seat = self._seat_of(agreement.assignee)
        facts = UseFacts(
            assignee=agreement.assignee,
            seat=None if seat is None else seat.value,
            purpose=gate.purpose,
            uses_so_far=max(0, self._uses.uses_so_far(agreement.id) - counted),
            place=ELSEWHERE,
            minimum_cell=None,
            logged=True,
        )
        self._uses.check_use(agreement, facts)
        return gate

    def _columns(self, agreement: Agreement) -> tuple[str, ...]:
        codebook = self._versions.get_version(agreement.version_id).codebook
        return tuple(f"{table.name}.{column.name}" for table, column in codebook.columns())


def check_allowed(decision: Decision) -> None:
    """Raise UseWithheldError with the rules against it, unless the decision is to allow."""
    if decision.is_allowed:
        return
    raise UseWithheldError(
        "The rules of the space do not let these rows leave: "
        + (decision.objections() or "no rule allows it")
        + ". Ask for a visit.",
        code="rules_" + decision.outcome.value,
        receipt=decision.receipt_id,
    )
