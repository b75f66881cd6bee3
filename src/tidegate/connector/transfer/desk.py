"""What the parts of a transfer share: the ground, the way out, and the other rooms."""

from collections.abc import Callable
from dataclasses import field
from typing import Protocol

from tidegate.audit.journal import Journal, Tx
from tidegate.connector.dataplane.model import DataPlane
from tidegate.connector.identity.model import DidDocument
from tidegate.connector.messages.delivery import AnswerGate, Courier, Wire
from tidegate.connector.messages.model import DeliverySettings
from tidegate.connector.transfer.errors import RowsWithheldError
from tidegate.connector.transfer.model import TransferSettings
from tidegate.kernel.clock import Clock
from tidegate.kernel.ids import Ids
from tidegate.kernel.values import dataclass
from tidegate.partners.model import PersonAssertion
from tidegate.policy.model import Agreement


class Agreements(Protocol):
    """Where agreements are kept."""

    def find_agreement(self, agreement_id: str) -> Agreement | None:
        """Return an agreement, or None."""
        ...


class Vouchers(Protocol):
    """Who signs and reads what an institution says of its people."""

    def sign_person(self, assertion: PersonAssertion, audience: str) -> str:
        """Sign an assertion for one audience."""
        ...

    def verify_person(self, jwt: str, institution: str) -> PersonAssertion:
        """Return the assertion of that institution; raise where it does not hold."""
        ...


class People(Protocol):
    """What this node knows of its own people."""

    def assertion_of(self, person_ref: str, agreement: Agreement) -> PersonAssertion:
        """Return what is to be said of a person who uses an agreement."""
        ...


class Gatekeeper(Protocol):
    """Who decides at the provider whether a person may use an agreement now."""

    def admit(self, agreement: Agreement, assertion: PersonAssertion) -> str:
        """Return the id of the permit that lets the person in; raise WithheldError in words."""
        ...


class Crossing(Protocol):
    """Who decides whether rows may cross from one node to another under an agreement.

    Each raises a TidegateError that says in words why not.
    """

    def check_asked(self, agreement: Agreement) -> None:
        """As consumer: raise unless the agreement's own words let rows come here."""
        ...

    def check_open(self, agreement: Agreement, person: PersonAssertion | None) -> str:
        """As provider of a running transfer: raise unless gate and policy still hold."""
        ...

    def let_out(
        self,
        agreement: Agreement,
        person: PersonAssertion | None,
        transfer: str,
        *,
        counted: bool = False,
    ) -> str:
        """As provider: `check_open`, and the rules of law with a receipt; return the permit.

        `counted`: this transfer's own use stands in the ledger already.
        """
        ...

    def count(self, tx: Tx, agreement_id: str) -> None:
        """As provider: count one use in the caller's write; raise when none is left."""
        ...


class Closed:
    """The crossing of a node that was given none: no row leaves or comes in."""

    def check_asked(self, agreement: Agreement) -> None:
        """Refuse."""
        raise self._refusal(agreement)

    def check_open(self, agreement: Agreement, person: PersonAssertion | None) -> str:
        """Refuse."""
        del person
        raise self._refusal(agreement)

    def let_out(
        self,
        agreement: Agreement,
        person: PersonAssertion | None,
        transfer: str,
        *,
        counted: bool = False,
    ) -> str:
        """Refuse."""
        del person, transfer, counted
        raise self._refusal(agreement)

    def count(self, tx: Tx, agreement_id: str) -> None:
        """Count nothing: nothing is let out."""

    def _refusal(self, agreement: Agreement) -> RowsWithheldError:
        return RowsWithheldError(
            "No row moves to or from this node; ask for a visit instead.",
            code="rows_closed",
            agreement=agreement.id,
        )


def _settled(agreement_id: str, peer: str) -> bool:
    """Say of a node that finalizes nothing that no agreement is on its way."""
    del agreement_id, peer
    return False


class Keys(Protocol):
    """Where the key that seals tokens comes from."""

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes for that purpose."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """The shared ground. `address` is this node's DSP base, `visits` the base of visit doors.

    `planes` move rows, each for its formats; the first that serves a format is asked.
    `is_settling` tells whether our finalization of an agreement with a peer is on its way.
    """

    journal: Journal
    clock: Clock
    ids: Ids
    did: str
    address: str
    visits: str
    wire: Wire
    courier: Courier
    agreements: Agreements
    vouchers: Vouchers
    people: People
    gatekeeper: Gatekeeper
    keys: Keys
    peer_document: Callable[[str], DidDocument]
    token: Callable[[], str]
    crossing: Crossing = field(default_factory=Closed)
    planes: tuple[DataPlane, ...] = ()
    loopback: bool = False
    settings: TransferSettings = field(default_factory=TransferSettings)
    delivery: DeliverySettings = field(default_factory=DeliverySettings)
    gate: AnswerGate = field(default_factory=AnswerGate)
    is_settling: Callable[[str, str], bool] = _settled
