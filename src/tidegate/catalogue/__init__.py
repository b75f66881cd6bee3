"""Catalogue: what data exists, what is known about it, who offers it under which policy.

Datasets and their versions, codebooks, quality, classification, offers, tombstones, the records
harvested from the other nodes of the space, and the search over all of them in three languages.
The catalogue holds descriptions, never rows: the rows are the commons' holdings.
"""
