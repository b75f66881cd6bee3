"""What negotiations leave as evidence; PREMIS has no code for any of it."""

from collections.abc import Mapping

EVENTS: Mapping[str, str | None] = {
    "negotiation.opened": None,
    "negotiation.answered": None,
    "negotiation.requested": None,
    "negotiation.offered": None,
    "negotiation.accepted": None,
    "negotiation.agreed": None,
    "negotiation.verified": None,
    "negotiation.finalized": None,
    "negotiation.terminated": None,
    "negotiation.refused": None,
    "negotiation.decided": None,
    "negotiation.waiting": None,
    "negotiation.strategy_set": None,
}

WAITING = "negotiation.waiting"
FINALIZED = "negotiation.finalized"
TERMINATED = "negotiation.terminated"
"""Facts announced, each with `negotiation=<pid>`."""
