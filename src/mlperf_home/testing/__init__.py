"""Conformance suites that every backend and store passes."""
