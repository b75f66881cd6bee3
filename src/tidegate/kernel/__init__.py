"""The kernel: errors, clock, ids, state machines, canonical JSON, text. Pure and tiny."""
