"""Submissions to MLPerf: assembly, check, truncation and delivery."""
