"""Explorations: the Pareto front of a space of points, for a fraction of the work of an exhaustive sweep."""
