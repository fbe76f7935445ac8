"""The answer of a board: which CPUs and models fit, ranked; pure functions of its results."""
