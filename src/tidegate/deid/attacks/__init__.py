"""Attacks on a published table, as by somebody who wants to know, and how often they succeed."""
