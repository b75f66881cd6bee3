"""The care of a version: which acts are open to whom, and what a version waits for."""
