"""Joining: how a space begins, how a node comes in, and who is in it."""
