"""Datasets: how samples are read, preprocessed and handed to an engine."""
