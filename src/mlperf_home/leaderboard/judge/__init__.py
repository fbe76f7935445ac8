"""What may be believed of each result of a board: pure functions of all its results; needs NumPy and SciPy."""
