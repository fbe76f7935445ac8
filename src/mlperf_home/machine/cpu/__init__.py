"""Processors: model, topology, limits."""
