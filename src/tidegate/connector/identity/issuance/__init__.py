"""Issuance: what the authority issues, delivers, lists as revoked and takes back (DCP §6)."""
