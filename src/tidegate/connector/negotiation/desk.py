"""What the parts of a negotiation share: the ground, the way out, and the other rooms."""

from collections.abc import Callable
from dataclasses import field
from typing import Protocol

from tidegate.audit.journal import Journal, Tx
from tidegate.catalogue.model import HarvestedRecord, Offer
from tidegate.connector.identity.model import DidDocument
from tidegate.connector.messages.delivery import AnswerGate, Courier
from tidegate.connector.messages.model import DeliverySettings
from tidegate.kernel.clock import Clock
from tidegate.kernel.ids import Ids
from tidegate.kernel.values import dataclass
from tidegate.policy.model import Agreement, Decision, Policy, UseFacts


class OfferShelf(Protocol):
    """Where offers are: our own, and those of the peers."""

    def find_open_offer(self, offer_id: str) -> Offer | None:
        """Return an offer of this node that can be negotiated now, or None."""
        ...

    def is_open_within(self, tx: Tx, offer_id: str) -> bool:
        """Tell, inside the caller's write, whether an offer of this node can be negotiated."""
        ...

    def find_offer(self, offer_id: str) -> Offer | None:
        """Return an offer of this node, published or withdrawn, or None."""
        ...

    def find_harvested(self, dataset_id: str, publisher: str = "") -> HarvestedRecord | None:
        """Return a peer's record of a dataset, or None."""
        ...


class AgreementBook(Protocol):
    """Where agreements are kept."""

    def record_agreement(self, tx: Tx, agreement: Agreement) -> Agreement:
        """Record a signed agreement in the caller's write."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """What is about to be agreed, for the rules to judge."""

    negotiation: str
    provider: str
    consumer: str
    dataset_id: str
    version_id: str
    policy: Policy


class Assessor(Protocol):
    """Who judges a negotiation by the rules of law and the partners' permits."""

    def has_permit(self, question: Question) -> bool:
        """Tell whether an approved permit covers the peer and the dataset."""
        ...

    def assess(self, question: Question) -> Decision:
        """Judge the agreement that is about to be made; keeps a receipt."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """The shared ground. `address` is this node's DSP base, `peer_document` resolves a DID.

    `standing_of` says what a participant has proven of itself lately: its seat and certifications.
    """

    journal: Journal
    clock: Clock
    ids: Ids
    did: str
    address: str
    courier: Courier
    offers: OfferShelf
    agreements: AgreementBook
    assessor: Assessor
    peer_document: Callable[[str], DidDocument]
    standing_of: Callable[[str], UseFacts] = lambda did: UseFacts(assignee=did)
    loopback: bool = False
    settings: DeliverySettings = field(default_factory=DeliverySettings)
    gate: AnswerGate = field(default_factory=AnswerGate)
