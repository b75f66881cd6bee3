"""Recipes of table anonymisation: data that a person can read, change, compare and sign."""
