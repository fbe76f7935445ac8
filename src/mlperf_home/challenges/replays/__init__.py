"""Replays of a bundle, and their comparison with it."""
