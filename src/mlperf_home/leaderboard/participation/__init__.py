"""A volunteer's machine: it runs what a board's list wants, while nobody uses it."""
