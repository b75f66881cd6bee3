"""The space: who belongs to it, who invited them, and who no longer does."""
