"""Outgoing HTTP: the only way a node calls another, with limits and checked addresses."""
