"""The wiring: builds every room, joins facts to those who asked for them, serves and examines."""
