"""Management operations of the connector: negotiations, strategies, harvests, peers."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from tidegate.api.kit import Call, Operation
from tidegate.connector.harvest.model import HarvestReport
from tidegate.connector.messages.model import MessageRecord
from tidegate.connector.negotiation.model import ChosenStrategy, Negotiation, Strategy
from tidegate.connector.negotiation.strategy import AUTOMATIC
from tidegate.kernel.values import dataclass


@dataclass(frozen=True, slots=True)
class AskForAgreement:
    """Ask a provider for an agreement; without an offer the dataset's first one is meant.

    `accepts` names every term that rests on a side's word alone. `terms` asks for other rules than
    the published ones: permission, prohibition and obligation in compact ODRL.
    """

    provider: str
    dataset_id: str
    offer_id: str = ""
    accepts: tuple[str, ...] = ()
    terms: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Approve:
    """Go on; `accepts` names every term that rests on a side's word alone."""

    accepts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OfferAgreement:
    """Offer one of our published offers to a participant."""

    consumer: str
    offer_id: str


@dataclass(frozen=True, slots=True)
class CounterTerms:
    """Other terms: permission, prohibition and obligation in compact ODRL."""

    terms: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is stopped."""

    reason: str


@dataclass(frozen=True, slots=True)
class HarvestWhom:
    """Read the catalogue of one member, or of all."""

    did: str = ""


@dataclass(frozen=True, slots=True)
class Nothing:
    """An act that needs no more words."""


@dataclass(frozen=True, slots=True)
class NegotiationPage:
    """A negotiation with every message of it."""

    negotiation: Negotiation
    messages: tuple[MessageRecord, ...]


@dataclass(frozen=True, slots=True)
class PeerPage:
    """Another member as this node knows it."""

    did: str
    name: str
    seat: str
    role: str
    state: str
    harvest: HarvestReport | None = None
    negotiations: Mapping[str, int] = field(default_factory=dict)


def list_negotiations(call: Call[None]) -> tuple[Negotiation, ...]:
    """Return negotiations, newest first."""
    return call.house.negotiation.list_negotiations(
        state=call.query.get("state", ""), waiting=call.query.get("waiting", "")
    )


def request_negotiation(call: Call[AskForAgreement]) -> Negotiation:
    """Open a negotiation as consumer."""
    asked = call.body
    return call.house.negotiation.request(
        asked.provider,
        asked.dataset_id,
        asked.offer_id,
        by=call.actor,
        accepts=asked.accepts,
        terms=asked.terms,
    )


def offer_negotiation(call: Call[OfferAgreement]) -> Negotiation:
    """Open a negotiation as provider."""
    return call.house.negotiation.offer_to(call.body.consumer, call.body.offer_id, by=call.actor)


def show_negotiation(call: Call[None]) -> NegotiationPage:
    """Return a negotiation with its messages."""
    pid = call.path["pid"]
    service = call.house.negotiation
    return NegotiationPage(service.get(pid), service.list_messages(pid))


def approve_negotiation(call: Call[Approve]) -> Negotiation:
    """Take the next step of a negotiation that waits for a person."""
    accepts = call.body.accepts
    return call.house.negotiation.approve(call.path["pid"], by=call.actor, accepts=accepts)


def counter_negotiation(call: Call[CounterTerms]) -> Negotiation:
    """Propose other terms."""
    return call.house.negotiation.counter(call.path["pid"], call.body.terms, by=call.actor)


def terminate_negotiation(call: Call[Reason]) -> Negotiation:
    """End a negotiation."""
    return call.house.negotiation.terminate(call.path["pid"], call.body.reason, by=call.actor)


def show_strategy(call: Call[None]) -> Strategy:
    """Return the strategy in force for an offer or dataset."""
    return call.house.negotiation.find_strategy(call.path["subject"]) or AUTOMATIC


def list_strategies(call: Call[None]) -> tuple[ChosenStrategy, ...]:
    """Return every strategy that was set."""
    return call.house.negotiation.list_strategies()


def clear_strategy(call: Call[None]) -> Strategy:
    """Let the usual strategy hold again."""
    return call.house.negotiation.clear_strategy(call.path["subject"], by=call.actor)


def set_strategy(call: Call[Strategy]) -> Strategy:
    """Set the strategy for an offer (as provider) or dataset (as consumer)."""
    return call.house.negotiation.set_strategy(call.path["subject"], call.body, by=call.actor)


def harvest_now(call: Call[HarvestWhom]) -> tuple[HarvestReport, ...]:
    """Read the catalogues of the other members now."""
    return call.house.harvest.harvest(call.body.did, by=call.actor)


def list_harvests(call: Call[None]) -> tuple[HarvestReport, ...]:
    """Return what came of the last reading of every member's catalogue."""
    return call.house.harvest.list_reports()


def list_peers(call: Call[None]) -> tuple[PeerPage, ...]:
    """Return the other members with their harvests and negotiations."""
    reports = {one.did: one for one in call.house.harvest.list_reports()}
    counts: dict[str, dict[str, int]] = {}
    for one in call.house.negotiation.list_negotiations(limit=1000):
        states = counts.setdefault(one.peer_did, {})
        states[one.state.value] = states.get(one.state.value, 0) + 1
    return tuple(
        PeerPage(
            did=member.did,
            name=member.name,
            seat=member.seat.value,
            role=member.role.value,
            state=member.state.value,
            harvest=reports.get(member.did),
            negotiations=counts.get(member.did, {}),
        )
        for member in call.house.space.list_members()
        if member.did != call.house.participant.did
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/negotiations",
        list_negotiations,
        gives=tuple[Negotiation, ...],
        summary="List negotiations",
    ),
    Operation(
        "POST",
        "/negotiations",
        request_negotiation,
        takes=AskForAgreement,
        gives=Negotiation,
        summary="Ask a provider for an agreement",
        status=201,
    ),
    Operation(
        "POST",
        "/negotiations/offers",
        offer_negotiation,
        takes=OfferAgreement,
        gives=Negotiation,
        summary="Offer an agreement to a participant",
        status=201,
    ),
    Operation(
        "GET",
        "/negotiations/{pid}",
        show_negotiation,
        gives=NegotiationPage,
        summary="Show a negotiation with its messages",
    ),
    Operation(
        "POST",
        "/negotiations/{pid}/approve",
        approve_negotiation,
        takes=Approve,
        gives=Negotiation,
        summary="Take the next step of a waiting negotiation",
    ),
    Operation(
        "POST",
        "/negotiations/{pid}/counter",
        counter_negotiation,
        takes=CounterTerms,
        gives=Negotiation,
        summary="Propose other terms",
    ),
    Operation(
        "POST",
        "/negotiations/{pid}/terminate",
        terminate_negotiation,
        takes=Reason,
        gives=Negotiation,
        summary="End a negotiation",
    ),
    Operation(
        "GET",
        "/strategies",
        list_strategies,
        gives=tuple[ChosenStrategy, ...],
        summary="List the negotiation strategies that were set",
    ),
    Operation(
        "DELETE",
        "/strategies/{subject}",
        clear_strategy,
        gives=Strategy,
        summary="Let the usual negotiation strategy hold again",
    ),
    Operation(
        "GET",
        "/strategies/{subject}",
        show_strategy,
        gives=Strategy,
        summary="Show the negotiation strategy of an offer or dataset",
    ),
    Operation(
        "PUT",
        "/strategies/{subject}",
        set_strategy,
        takes=Strategy,
        gives=Strategy,
        summary="Set the negotiation strategy of an offer or dataset",
    ),
    Operation(
        "POST",
        "/harvests",
        harvest_now,
        takes=HarvestWhom,
        gives=tuple[HarvestReport, ...],
        summary="Read the other members' catalogues now",
    ),
    Operation(
        "GET",
        "/harvests",
        list_harvests,
        gives=tuple[HarvestReport, ...],
        summary="List what came of reading the other members' catalogues",
    ),
    Operation(
        "GET",
        "/peers",
        list_peers,
        gives=tuple[PeerPage, ...],
        summary="List the other members as this node knows them",
    ),
)
