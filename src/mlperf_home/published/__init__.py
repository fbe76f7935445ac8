"""Models and results that others published."""
