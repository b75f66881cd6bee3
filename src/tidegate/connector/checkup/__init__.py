"""Checkup: step by step, why another node can or cannot be reached and trusted."""
