"""Training: courses people have passed, as their institution says to others."""
