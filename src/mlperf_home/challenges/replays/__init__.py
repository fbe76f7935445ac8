"""Replaying a bundle, and comparing both."""
