"""Dominance, Pareto fronts and hypervolume."""
