"""Harvest: the catalogues of the other members, read by DSP and kept for search and negotiation."""
