"""The gate: one conjunction of everything that must hold before data may be used."""
