"""Releases of a growing table, checked together: what all of them say of a person at once."""
