"""What the parts of a transfer share: the ground, the way out, and the other rooms."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from tidegate.audit.journal import Journal
from tidegate.connector.identity.model import DidDocument
from tidegate.connector.messages.delivery import AnswerGate, Courier, Wire
from tidegate.connector.messages.model import DeliverySettings
from tidegate.connector.transfer.model import TransferSettings
from tidegate.kernel.clock import Clock
from tidegate.kernel.ids import Ids
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


class Keys(Protocol):
    """Where the key that seals tokens comes from."""

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes for that purpose."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """The shared ground. `address` is this node's DSP base, `visits` the base of visit doors."""

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
    loopback: bool = False
    settings: TransferSettings = field(default_factory=TransferSettings)
    delivery: DeliverySettings = field(default_factory=DeliverySettings)
    gate: AnswerGate = field(default_factory=AnswerGate)
