"""Readings over time: clocks, energy, CPU time, noise."""
