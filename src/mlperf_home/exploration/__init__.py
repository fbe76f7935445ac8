"""Which CPU, which model: the Pareto front of a space of points, for a part of an exhaustive sweep's work."""
