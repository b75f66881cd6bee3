"""Strategies as data: the ready-made ones, and reading one from JSON.

A strategy is a table of (side, trigger) -> act. A trigger is the state just reached, whichever
side moved, or COUNTERED: a request after an offer.
"""

from typing import Any

import msgspec

from tidegate.connector.messages.model import Side
from tidegate.connector.messages.terms import CatalogOffer
from tidegate.connector.negotiation.errors import StrategyInvalidError
from tidegate.connector.negotiation.model import Act, Reaction, Strategy

COUNTERED = "COUNTERED"
LONGEST_PAUSE_MS = 3_600_000

_ACTS = {
    (Side.PROVIDER, "REQUESTED"): {Act.DECIDE, Act.AGREE, Act.OFFER, Act.COUNTER},
    (Side.PROVIDER, COUNTERED): {Act.DECIDE, Act.AGREE, Act.OFFER, Act.COUNTER},
    (Side.PROVIDER, "OFFERED"): set[Act](),
    (Side.PROVIDER, "ACCEPTED"): {Act.DECIDE, Act.AGREE},
    (Side.PROVIDER, "AGREED"): set[Act](),
    (Side.PROVIDER, "VERIFIED"): {Act.FINALIZE},
    (Side.CONSUMER, "REQUESTED"): set[Act](),
    (Side.CONSUMER, "OFFERED"): {Act.ACCEPT, Act.COUNTER},
    (Side.CONSUMER, "ACCEPTED"): set[Act](),
    (Side.CONSUMER, "AGREED"): {Act.VERIFY},
    (Side.CONSUMER, "VERIFIED"): set[Act](),
}
_ALWAYS = {Act.REFUSE, Act.ASK, Act.WAIT}


def _provider(on_request: Act, **more: Any) -> tuple[Reaction, ...]:
    return (
        Reaction(Side.PROVIDER, "REQUESTED", on_request, **more),
        Reaction(Side.PROVIDER, COUNTERED, Act.ASK, reason="The peer proposes other terms."),
        Reaction(Side.PROVIDER, "ACCEPTED", Act.DECIDE),
        Reaction(Side.PROVIDER, "VERIFIED", Act.FINALIZE),
    )


CONSUMER = (
    Reaction(Side.CONSUMER, "OFFERED", Act.ASK, reason="The provider proposes terms."),
    Reaction(Side.CONSUMER, "AGREED", Act.VERIFY),
)

AUTOMATIC = Strategy("automatic", _provider(Act.DECIDE) + CONSUMER)
MANUAL = Strategy(
    "manual", _provider(Act.ASK, reason="This offer is always decided by a person.") + CONSUMER
)
REFUSE = Strategy(
    "refuse", _provider(Act.REFUSE, reason="This offer is not open at the moment.") + CONSUMER
)
WAIT = Strategy(
    "wait",
    (Reaction(Side.PROVIDER, "REQUESTED", Act.WAIT), Reaction(Side.CONSUMER, "OFFERED", Act.WAIT)),
)
OFFER_FIRST = Strategy("offer-first", _provider(Act.OFFER) + CONSUMER)
ACCEPT = Strategy(
    "accept",
    (
        Reaction(Side.PROVIDER, "REQUESTED", Act.AGREE),
        Reaction(Side.PROVIDER, COUNTERED, Act.ASK, reason="The peer proposes other terms."),
        Reaction(Side.PROVIDER, "ACCEPTED", Act.AGREE),
        Reaction(Side.PROVIDER, "VERIFIED", Act.FINALIZE),
        Reaction(Side.CONSUMER, "OFFERED", Act.ACCEPT),
        Reaction(Side.CONSUMER, "AGREED", Act.VERIFY),
    ),
)

PRESETS = {one.name: one for one in (AUTOMATIC, ACCEPT, OFFER_FIRST, MANUAL, REFUSE, WAIT)}
"""The ready-made ones; each says at both sides what its name says."""


def read_strategy(document: bytes | str) -> Strategy:
    """Read a strategy from JSON; raise StrategyInvalidError where it cannot be followed."""
    try:
        strategy = msgspec.json.decode(document, type=Strategy, strict=True)
    except (msgspec.ValidationError, msgspec.DecodeError) as problem:
        raise StrategyInvalidError(f"The strategy cannot be read: {problem}.") from None
    return check_strategy(strategy)


def check_strategy(strategy: Strategy) -> Strategy:
    """Return the strategy; raise StrategyInvalidError where an act cannot follow its trigger."""
    seen: set[tuple[Side, str]] = set()
    for one in strategy.reactions:
        place = (one.side, one.on)
        where = f"{one.side} on {one.on}"
        if place in seen:
            raise StrategyInvalidError(f"The strategy says two things for {where}.")
        seen.add(place)
        if place not in _ACTS:
            raise StrategyInvalidError(f"Nothing can be done for {where}.")
        if one.act not in _ACTS[place] | _ALWAYS:
            raise StrategyInvalidError(f"{one.act} cannot follow for {where}.")
        if not 0 <= one.after_ms <= LONGEST_PAUSE_MS:
            raise StrategyInvalidError(f"The pause for {where} must be between 0 and an hour.")
        if one.act is Act.COUNTER:
            _check_template(one, where)
    return strategy


def _check_template(one: Reaction, where: str) -> None:
    try:
        msgspec.convert({"@id": "template", **(one.offer or {})}, CatalogOffer, strict=True)
    except msgspec.ValidationError as problem:
        raise StrategyInvalidError(f"The counter-offer for {where} is wrong: {problem}.") from None
