"""The policy room: what may be done with data, agreed as ODRL and judged by law as data."""
