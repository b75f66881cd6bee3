"""Vault: the encrypted objects a node keeps, and the keys without which they are noise."""
