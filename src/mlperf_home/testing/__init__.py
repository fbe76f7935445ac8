"""Conformance suites for backends, and tiny models for tests."""
