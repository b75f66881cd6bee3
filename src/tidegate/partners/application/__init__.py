"""Applications and permits: asking for access, deciding, and what was granted."""
