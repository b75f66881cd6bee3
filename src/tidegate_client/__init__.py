"""The typed SDK of a Tidegate node; it imports nothing of `tidegate`."""
