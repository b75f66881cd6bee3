"""Deid: recipes, transforms, anonymisation and risk.

An engine: it knows no holdings and keeps no rows.
"""
