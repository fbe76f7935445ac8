"""Inference engines with a common interface; an engine is imported when it is opened."""
