"""A negotiation as one side sees it, and the strategies that answer without a person."""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

from tidegate.connector.messages.model import Side, subject_of
from tidegate.kernel.values import dataclass


class NegotiationState(StrEnum):
    """The seven states of DSP 2025-1, and `INITIAL` before the first message is acknowledged."""

    INITIAL = "INITIAL"
    REQUESTED = "REQUESTED"
    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    AGREED = "AGREED"
    VERIFIED = "VERIFIED"
    FINALIZED = "FINALIZED"
    TERMINATED = "TERMINATED"


class Step(StrEnum):
    """What a message of the negotiation does."""

    REQUEST = "request"
    OFFER = "offer"
    ACCEPT = "accept"
    AGREE = "agree"
    VERIFY = "verify"
    FINALIZE = "finalize"
    TERMINATE = "terminate"


class Act(StrEnum):
    """What a strategy does when its trigger is reached."""

    DECIDE = "decide"
    OFFER = "offer"
    COUNTER = "counter"
    ACCEPT = "accept"
    AGREE = "agree"
    VERIFY = "verify"
    FINALIZE = "finalize"
    REFUSE = "refuse"
    ASK = "ask"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Reaction:
    """When `side` sees `on` (a state, or COUNTERED), it does `act` after a pause.

    `offer` is the template of a counter-offer: the policy rules in compact ODRL.
    """

    side: Side
    on: str
    act: Act
    after_ms: int = 0
    offer: Mapping[str, Any] | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a node answers for one offer (provider) or one dataset (consumer)."""

    name: str
    reactions: tuple[Reaction, ...]

    def reaction_to(self, side: Side, on: str) -> Reaction | None:
        """Return what to do, or None to do nothing."""
        return next((one for one in self.reactions if (one.side, one.on) == (side, on)), None)


@dataclass(frozen=True, slots=True)
class ChosenStrategy:
    """A strategy that was set, for which offer or dataset, by whom and when."""

    subject: str
    strategy: Strategy
    set_by: str
    set_at: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the rules said to this negotiation, kept with it in words."""

    outcome: str
    reasons: tuple[str, ...] = ()
    receipt_id: str = ""


@dataclass(frozen=True, slots=True)
class Negotiation:
    """One negotiation.

    `pending` is the id of the outgoing message that is not acknowledged yet; `waiting` is
    `person` when somebody here must decide, with the reason beside it.
    """

    pid: str
    side: Side
    peer_did: str
    peer_name: str
    peer_pid: str
    peer_address: str
    dataset_id: str
    version_id: str
    offer_id: str
    offer: Mapping[str, Any]
    offered_by: Side
    state: NegotiationState
    created_by: str
    created_at: str
    changed_by: str
    changed_at: str
    pending: str = ""
    waiting: str = ""
    rounds: int = 0
    agreement: Mapping[str, Any] = field(default_factory=dict)
    reason_code: str = ""
    reason: str = ""
    assessment: Assessment | None = None
    revision: int = 0

    @property
    def provider_pid(self) -> str:
        """The provider's name for it."""
        return self.pid if self.side is Side.PROVIDER else self.peer_pid

    @property
    def consumer_pid(self) -> str:
        """The consumer's name for it."""
        return self.pid if self.side is Side.CONSUMER else self.peer_pid

    @property
    def agreement_id(self) -> str:
        """The id of the agreement, or an empty string."""
        return str(self.agreement.get("@id", ""))

    @property
    def wire_state(self) -> str:
        """The state as the peer may see it: whoever knows our pid holds our first message."""
        if self.state is not NegotiationState.INITIAL:
            return self.state.value
        opened = (
            NegotiationState.REQUESTED if self.side is Side.CONSUMER else NegotiationState.OFFERED
        )
        return opened.value

    @property
    def subject(self) -> str:
        """What the strategy is set for: our offer as provider, the peer's dataset as consumer."""
        if self.side is Side.PROVIDER:
            return self.offer_id
        return subject_of(self.peer_did, self.dataset_id)

    @property
    def trigger(self) -> str:
        """What a strategy reacts to now."""
        if self.state is NegotiationState.REQUESTED and self.rounds > 1:
            return "COUNTERED"
        return self.state.value
