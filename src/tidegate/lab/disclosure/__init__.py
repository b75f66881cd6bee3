"""Disclosure control: what of a result may be shown. Pure; it sees sets of people, never rows."""
