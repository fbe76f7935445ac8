"""Challenges: workflows, rules, and locked versions; bundles of their results, verified and replayed."""
