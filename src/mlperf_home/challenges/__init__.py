"""Challenges: what to run, by which rules, from which versions; bundles of what came of it, checked and replayed."""
