"""Searches beside the race, and a meter that replays a table."""
