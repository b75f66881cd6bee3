"""The evidence bundle: one strict file that carries a space's evidence to a stranger."""
