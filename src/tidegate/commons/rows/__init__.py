"""Rows on their way: parcels made for one agreement, and copies that arrive from other nodes."""
