"""Queries, samples and batches; the watch over their completion."""
