"""Accuracy of a LoadGen accuracy log, as the official scripts compute it."""
