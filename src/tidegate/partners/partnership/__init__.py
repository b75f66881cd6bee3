"""Partnerships: cooperation agreements signed by the identity keys of both institutions."""
