"""Datasets: read, preprocess and hand samples to an engine."""
