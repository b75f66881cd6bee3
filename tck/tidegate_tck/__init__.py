"""The test plugin: fits a node for the conformance kits; `tidegate serve` never loads it."""
