"""Measurements: the values of a valid run, each with its origin; their storage, display and import."""
