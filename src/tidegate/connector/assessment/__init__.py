"""The questions of law about a flow: gather what every room knows, and ask the rule pack."""
