"""Negotiation strategies as people choose them: a choice, and what it does, in words."""

from collections.abc import Mapping
from typing import Any

from tidegate.connector.messages.model import Side
from tidegate.connector.negotiation.model import Act, Reaction, Strategy
from tidegate.connector.negotiation.strategy import (
    ACCEPT,
    AUTOMATIC,
    MANUAL,
    OFFER_FIRST,
    REFUSE,
    WAIT,
)
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.text import Language
from tidegate.kernel.values import dataclass
from tidegate.web.messages import find_words, words

CHOICES: Mapping[Side, tuple[str, ...]] = {
    Side.PROVIDER: ("automatic", "accept", "offer", "manual", "counter", "refuse", "wait"),
    Side.CONSUMER: ("manual", "accept", "counter", "refuse", "wait"),
}
"""What can be chosen as provider of an offer, and as consumer of a dataset."""

_ENTRY = {Side.PROVIDER: "REQUESTED", Side.CONSUMER: "OFFERED"}
_READY: Mapping[Side, Mapping[str, Strategy]] = {
    Side.PROVIDER: {
        "automatic": AUTOMATIC,
        "accept": ACCEPT,
        "offer": OFFER_FIRST,
        "manual": MANUAL,
        "refuse": REFUSE,
        "wait": WAIT,
    },
    Side.CONSUMER: {"accept": ACCEPT},
}
_ACTS = {
    "accept": {Side.PROVIDER: Act.AGREE, Side.CONSUMER: Act.ACCEPT},
    "manual": {Side.CONSUMER: Act.ASK},
    "counter": {Side.PROVIDER: Act.COUNTER, Side.CONSUMER: Act.COUNTER},
    "refuse": {Side.PROVIDER: Act.REFUSE, Side.CONSUMER: Act.REFUSE},
    "wait": {Side.CONSUMER: Act.WAIT},
}


@dataclass(frozen=True, slots=True)
class Line:
    """One reaction in words: when, and what then."""

    when: str
    then: str
    has_terms: bool = False


def make_strategy(
    side: Side, choice: str, *, terms: Mapping[str, Any] | None = None, reason: str = ""
) -> Strategy:
    """Return the strategy of a choice; `terms` is the template of a counter-offer.

    Raises InvalidError for a choice that the side does not have.
    """
    if choice not in CHOICES[side]:
        raise InvalidError("Choose how to answer.", code="strategy_missing")
    ready = _READY[side].get(choice)
    if ready is not None and not (choice == "refuse" and reason):
        return ready
    act, entry = _ACTS[choice][side], (side, _ENTRY[side])
    first = Reaction(*entry, act, offer=terms if act is Act.COUNTER else None, reason=reason)
    rest = (one for one in MANUAL.reactions if (one.side, one.on) != entry)
    return Strategy(choice, (first, *rest))


def choice_of(strategy: Strategy, side: Side) -> str:
    """Return which choice a strategy is for a side, or an empty string for one of its own kind."""
    act = getattr(strategy.reaction_to(side, _ENTRY[side]), "act", Act.WAIT)
    if act is Act.DECIDE:
        return "automatic"
    if act in {Act.ASK, Act.OFFER}:
        return "manual" if act is Act.ASK else "offer"
    found = next((name for name, acts in _ACTS.items() if acts.get(side) is act), "")
    return found or ("wait" if act is Act.WAIT else "")


def template_of(strategy: Strategy, side: Side) -> Mapping[str, Any] | None:
    """Return the terms a strategy answers with, or None."""
    found = strategy.reaction_to(side, _ENTRY[side])
    return found.offer if found is not None and found.act is Act.COUNTER else None


def say_strategy(strategy: Strategy, side: Side, language: Language) -> tuple[Line, ...]:
    """Say what a strategy does for one side, reaction by reaction."""
    return tuple(_line(one, language) for one in strategy.reactions if one.side is side)


def _line(one: Reaction, language: Language) -> Line:
    when = words(language, f"strategy_when.{one.side.value}_{one.on.lower()}")
    then = words(language, f"strategy_then.{one.act.value}")
    if one.after_ms:
        seconds = f"{one.after_ms / 1000:g}"
        then = words(language, "strategy_then.after", seconds=seconds, then=then)
    if one.reason:
        said = find_words(language, f"strategy_reason.{_key(one.reason)}") or one.reason
        then = words(language, "strategy_then.because", then=then, reason=said)
    return Line(when, then, has_terms=one.offer is not None)


def _key(reason: str) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in reason.lower()).split())
