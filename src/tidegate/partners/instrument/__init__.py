"""Instruments: the exporter's papers for the border, and the count of people exported."""
