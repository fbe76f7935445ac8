"""The default times of calibrations; importing them needs no NumPy."""

OFFICIAL_S, SHORT_S, EXPLORATION_S = 240.0, 60.0, 15.0
"""Seconds: of official runs; of samples and other runs; of each model of an exploration."""
