"""The demonstration: one dataset's whole life across a border, told on three real nodes."""
