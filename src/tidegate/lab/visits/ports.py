"""What a visit needs of other rooms, as far as the lab uses it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from tidegate.access.model import Actor
from tidegate.audit.journal import Tx
from tidegate.catalogue.model import VersionRecord
from tidegate.connector.assessment.model import Output, Way
from tidegate.connector.transfer.model import Visit
from tidegate.kernel.canonical import Json
from tidegate.kernel.values import dataclass
from tidegate.partners.model import GateFacts
from tidegate.policy.model import Agreement, Decision, UseFacts


class Transfers(Protocol):
    """Knows the visits that are open."""

    def visit_for_token(self, token: str) -> Visit:
        """Return the visit a token opens; raise for any other token."""
        ...

    def is_running(self, tx: Tx, transfer_pid: str) -> bool:
        """Tell, inside the caller's write, whether a visit is neither over nor being stopped."""
        ...


class Gate(Protocol):
    """Evaluates the conjunction that lets a person in."""

    def check(self, agreement: Agreement, person_ref: str, *, now: datetime) -> GateFacts:
        """Return what was found; raise with the first reason that fails."""
        ...

    def check_within(self, tx: Tx, agreement: Agreement, person_ref: str) -> None:
        """Raise the first reason that fails, inside the caller's write."""
        ...


class Agreements(Protocol):
    """Knows agreements and whether a use stays inside them."""

    def get_agreement(self, agreement_id: str) -> Agreement:
        """Return an agreement."""
        ...

    def check_use(self, agreement: Agreement, facts: UseFacts) -> None:
        """Raise unless the use stays inside the agreement."""
        ...

    def check_still_in_force(self, tx: Tx, agreement_id: str) -> None:
        """Raise, inside the caller's write, unless the agreement is active."""
        ...

    def count_use(self, tx: Tx, agreement_id: str) -> int:
        """Count one use; raise when none is left."""
        ...


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What is known about an output when it is about to leave."""

    kind: str
    auto_checks_pass: bool
    checker_2: bool
    individual_level: bool = False


class Assessor(Protocol):
    """Asks the rule pack about a flow."""

    def assess_query(
        self,
        agreement: Agreement,
        person_ref: str,
        gate: GateFacts,
        *,
        by: Actor | str,
        to: str = "",
        way: Way = ...,
    ) -> Decision:
        """Decide whether a query may run."""
        ...

    def assess_release(
        self,
        agreement: Agreement,
        person_ref: str,
        gate: GateFacts,
        output: Output,
        *,
        by: Actor | str,
        to: str = "",
    ) -> Decision:
        """Decide whether a result may leave."""
        ...


class Versions(Protocol):
    """Knows the versions of the catalogue."""

    def get_version(self, version_id: str) -> VersionRecord:
        """Return a version."""
        ...

    def get_version_within(self, tx: Tx, version_id: str) -> VersionRecord:
        """Return a version as it stands inside the caller's write."""
        ...


class Holdings(Protocol):
    """Opens what the node keeps."""

    def open_tables(
        self, version_id: str, *, by: Actor, why: Mapping[str, Json]
    ) -> Mapping[str, Any]:
        """Return the decrypted tables of a version; fail closed."""
        ...
