"""Signaling: this node's data plane for other control planes, other data planes for its own."""
