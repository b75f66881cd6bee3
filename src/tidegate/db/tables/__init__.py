"""The tables of every room, one module a room; a table's name begins with its room's name."""
