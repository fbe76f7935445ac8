"""Whole bundles in real shape, made up from published rows for tests and benchmarks.

Nobody measured what they hold. Manifest, sessions, results and report are marked as samples, so that a real board
refuses them; names and notes say that they are tests.
"""
