"""Measurements that others made: submission trees, logs of other tools, published tables; one name for each model."""
