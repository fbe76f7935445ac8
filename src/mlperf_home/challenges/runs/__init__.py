"""Runs of a challenge."""
