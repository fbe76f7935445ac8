"""Sending a bundle to a board: what it tells of its sender, and the ways to a service and to a git repository."""
