"""Measurements: what a valid run says, value by value, with its origin."""
