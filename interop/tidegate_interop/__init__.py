"""Tidegate beside Eclipse EDC: the real connector, started here, talked to over its own doors."""
