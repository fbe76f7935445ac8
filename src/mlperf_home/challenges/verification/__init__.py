"""Verify bundles of strangers: recompute each document and each value from the rest of the bundle."""
