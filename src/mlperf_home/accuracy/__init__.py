"""Compute the accuracy of a LoadGen accuracy log, as MLPerf's scripts do."""
