"""Negotiation: how an offer becomes an agreement, message by message, on both sides."""
