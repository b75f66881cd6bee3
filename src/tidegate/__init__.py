"""Tidegate: the node of a medical data space.

Rooms on storeys, doors outside: `house.py` lists every room on one page.
"""

__version__ = "0.1.0"
