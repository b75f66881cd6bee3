"""The audit room: what happened, in order, provably; and the only way to write."""
