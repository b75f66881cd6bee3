"""Acquisition: files in, every row accounted for, accepted or quarantined with its reason."""
