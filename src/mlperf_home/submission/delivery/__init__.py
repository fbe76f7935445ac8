"""A submission as a file, or as a branch."""
