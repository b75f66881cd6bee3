"""The operators' door: the `tidegate` command."""
