"""Agreements with other nodes and what is done under them: negotiations, transfers, visits."""

import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from tidegate_client.errors import NodeError
from tidegate_client.transport import Transport

FINAL = frozenset({"FINALIZED", "TERMINATED"})


class Assessment(msgspec.Struct, frozen=True):
    """What the rules said, in words."""

    outcome: str
    reasons: tuple[str, ...] = ()
    receipt_id: str = ""


class Negotiation(msgspec.Struct, frozen=True):
    """One negotiation; `waiting` is `person` when somebody at this node must decide."""

    pid: str
    side: str
    peer_did: str
    dataset_id: str
    offer_id: str
    state: str
    created_at: str
    changed_at: str
    peer_name: str = ""
    peer_pid: str = ""
    version_id: str = ""
    offer: Mapping[str, Any] = {}
    agreement: Mapping[str, Any] = {}
    pending: str = ""
    waiting: str = ""
    reason_code: str = ""
    reason: str = ""
    assessment: Assessment | None = None

    @property
    def agreement_id(self) -> str:
        """The id of the agreement, or an empty string."""
        return str(self.agreement.get("@id", ""))

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in FINAL


class Message(msgspec.Struct, frozen=True):
    """One message of a negotiation or transfer, with its tries and what became of it."""

    direction: str
    type: str
    action: str
    message_id: str
    state: str
    attempts: int
    created_at: str
    changed_at: str
    code: str = ""
    outcome: str = ""
    body: Mapping[str, Any] = {}


class NegotiationPage(msgspec.Struct, frozen=True):
    """A negotiation with every message of it."""

    negotiation: Negotiation
    messages: tuple[Message, ...]


class Transfer(msgspec.Struct, frozen=True):
    """One transfer; a visit is a transfer without rows."""

    pid: str
    side: str
    peer_did: str
    agreement_id: str
    dataset_id: str
    format: str
    state: str
    created_at: str
    changed_at: str
    peer_pid: str = ""
    person_ref: str = ""
    held: str = ""
    reason_code: str = ""
    reason: str = ""


class TransferPage(msgspec.Struct, frozen=True):
    """A transfer with every message of it."""

    transfer: Transfer
    messages: tuple[Message, ...]


class Visit(msgspec.Struct, frozen=True):
    """An open visit; the token stays in the node."""

    transfer: str
    endpoint: str
    expires_at: str


class Harvest(msgspec.Struct, frozen=True):
    """What came of the last reading of a member's catalogue."""

    did: str
    name: str
    state: str
    datasets: int
    unreadable: int
    started_at: str
    finished_at: str
    good_at: str = ""
    code: str = ""
    reason: str = ""


class Peer(msgspec.Struct, frozen=True):
    """Another member as this node knows it."""

    did: str
    name: str
    seat: str
    role: str
    state: str
    harvest: Harvest | None = None
    negotiations: Mapping[str, int] = {}


class Reaction(msgspec.Struct, frozen=True):
    """What a side does by itself when a trigger is reached."""

    side: str
    on: str
    act: str
    after_ms: int = 0
    offer: Mapping[str, Any] | None = None
    reason: str = ""


class Strategy(msgspec.Struct, frozen=True):
    """How a node answers for one offer or dataset."""

    name: str
    reactions: tuple[Reaction, ...]


class ChosenStrategy(msgspec.Struct, frozen=True):
    """A strategy that was set, for which offer or dataset, by whom and when."""

    subject: str
    strategy: Strategy
    set_by: str
    set_at: str


class Connector:
    """Negotiations, transfers, visits, harvests and peers."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def request(
        self,
        provider: str,
        dataset_id: str,
        offer_id: str = "",
        *,
        accepts: Iterable[str] = (),
        terms: Mapping[str, Any] | None = None,
    ) -> Negotiation:
        """Ask a provider for an agreement; without an offer the dataset's first one is meant.

        `accepts` names every term that rests on a side's word alone, such as "delete-within".
        `terms` asks for other rules than the published ones (permission, prohibition, obligation
        in compact ODRL, as `Policies.terms` writes them); the provider's people decide about them.
        """
        body: dict[str, Any] = {
            "provider": provider,
            "dataset_id": dataset_id,
            "offer_id": offer_id,
            "accepts": tuple(accepts),
        }
        if terms is not None:
            body["terms"] = terms
        return self._http.post("/negotiations", body, Negotiation)

    def offer_to(self, consumer: str, offer_id: str) -> Negotiation:
        """Offer one of this node's published offers to a participant."""
        body = {"consumer": consumer, "offer_id": offer_id}
        return self._http.post("/negotiations/offers", body, Negotiation)

    def list_negotiations(self, *, state: str = "", waiting: str = "") -> tuple[Negotiation, ...]:
        """Return negotiations, newest first."""
        asked = {"state": state, "waiting": waiting}
        return self._http.get(
            "/negotiations", tuple[Negotiation, ...], **{k: v for k, v in asked.items() if v}
        )

    def get_negotiation(self, pid: str) -> NegotiationPage:
        """Return a negotiation with every message of it."""
        return self._http.get(f"/negotiations/{quote(pid, safe=':')}", NegotiationPage)

    def wait_until_final(self, pid: str, *, seconds: float = 30.0) -> Negotiation:
        """Return the negotiation once it is finalized, terminated or waits for a person.

        Raises NodeError when none of these happens in time.
        """
        end = time.monotonic() + seconds
        pause = 0.02
        while True:
            one = self.get_negotiation(pid).negotiation
            if one.is_final or one.waiting:
                return one
            if time.monotonic() > end:
                raise NodeError(
                    504,
                    "unavailable",
                    "negotiation_slow",
                    f"The negotiation is still {one.state}; look at its messages.",
                    {},
                )
            time.sleep(pause)
            pause = min(pause * 1.5, 0.5)

    def approve(self, pid: str, *, accepts: Iterable[str] = ()) -> Negotiation:
        """Take the next step of a waiting negotiation, accepting by name what rests on a word."""
        path = f"/negotiations/{quote(pid, safe=':')}/approve"
        return self._http.post(path, {"accepts": tuple(accepts)}, Negotiation)

    def counter(self, pid: str, terms: Mapping[str, Any]) -> Negotiation:
        """Propose other terms (permission, prohibition, obligation in compact ODRL)."""
        path = f"/negotiations/{quote(pid, safe=':')}/counter"
        return self._http.post(path, {"terms": terms}, Negotiation)

    def terminate(self, pid: str, reason: str) -> Negotiation:
        """End a negotiation, telling the peer why."""
        path = f"/negotiations/{quote(pid, safe=':')}/terminate"
        return self._http.post(path, {"reason": reason}, Negotiation)

    def get_strategy(self, subject: str) -> Strategy:
        """Return the strategy in force for an offer or dataset."""
        return self._http.get(f"/strategies/{quote(subject, safe=':')}", Strategy)

    def list_strategies(self) -> tuple[ChosenStrategy, ...]:
        """Return every strategy that was set."""
        return self._http.get("/strategies", tuple[ChosenStrategy, ...])

    def clear_strategy(self, subject: str) -> Strategy:
        """Let the usual strategy hold again for an offer or dataset; return it."""
        return self._http.delete(f"/strategies/{quote(subject, safe=':')}", Strategy)

    def set_strategy(self, subject: str, strategy: Strategy) -> Strategy:
        """Set the strategy for an offer (as provider) or dataset (as consumer)."""
        return self._http.put(f"/strategies/{quote(subject, safe=':')}", strategy, Strategy)

    def list_transfers(self, *, agreement: str = "", state: str = "") -> tuple[Transfer, ...]:
        """Return transfers, newest first."""
        asked = {"agreement": agreement, "state": state}
        return self._http.get(
            "/transfers", tuple[Transfer, ...], **{k: v for k, v in asked.items() if v}
        )

    def get_transfer(self, pid: str) -> TransferPage:
        """Return a transfer with every message of it, without its secrets."""
        return self._http.get(f"/transfers/{quote(pid, safe=':')}", TransferPage)

    def suspend_transfer(self, pid: str, reason: str) -> Transfer:
        """Hold a transfer; only this side can let it go on."""
        return self._act(pid, "suspend", {"reason": reason})

    def resume_transfer(self, pid: str) -> Transfer:
        """Let a transfer that this side holds go on."""
        return self._act(pid, "resume", {})

    def complete_transfer(self, pid: str) -> Transfer:
        """Say that a transfer has served its purpose."""
        return self._act(pid, "complete", {})

    def terminate_transfer(self, pid: str, reason: str) -> Transfer:
        """End a transfer, telling the peer why."""
        return self._act(pid, "terminate", {"reason": reason})

    def _act(self, pid: str, act: str, body: Mapping[str, str]) -> Transfer:
        return self._http.post(f"/transfers/{quote(pid, safe=':')}/{act}", body, Transfer)

    def open_visit(self, agreement_id: str) -> Visit:
        """Open a visit under an agreement, waiting until the provider started or refused it."""
        return self._http.post("/visits", {"agreement_id": agreement_id}, Visit)

    def harvest(self, did: str = "") -> tuple[Harvest, ...]:
        """Read the catalogue of one member, or of all, now."""
        return self._http.post("/harvests", {"did": did}, tuple[Harvest, ...])

    def list_harvests(self) -> tuple[Harvest, ...]:
        """Return what came of the last reading of every member's catalogue."""
        return self._http.get("/harvests", tuple[Harvest, ...])

    def list_peers(self) -> tuple[Peer, ...]:
        """Return the other members as this node knows them."""
        return self._http.get("/peers", tuple[Peer, ...])
