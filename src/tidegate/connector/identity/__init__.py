"""Identity: did:web, self-issued tokens, presentations and credentials (DCP 1.0)."""
