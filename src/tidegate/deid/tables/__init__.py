"""Anonymisation of one table: encode, search, recode. Knows columns and classes, no holdings."""
