"""Destruction: two people, a key that is gone, a proof that it is, a signed certificate."""
