"""Measurements: what a valid run says, value by value, with its origin; how they are kept, shown and imported."""
