"""The query language: what may be asked of a version, checked, and compiled for the engine."""
