"""Catalogue protocol: what this node offers, as each peer may see it."""
