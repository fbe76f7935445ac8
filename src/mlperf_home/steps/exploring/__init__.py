"""The steps of an exploration."""
