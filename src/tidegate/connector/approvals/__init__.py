"""Approvals of rows: what the rules leave to a person, asked, answered and taken back."""
