"""Certifications: what the authority certifies members for, and the credential that says so."""
