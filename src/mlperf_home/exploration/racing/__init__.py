"""Races: comparisons, accuracy checks, standings."""
