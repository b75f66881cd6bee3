"""Progress: how a negotiation or transfer stands on both sides, whether it is stuck, what next."""
