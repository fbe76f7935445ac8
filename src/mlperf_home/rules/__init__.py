"""The rules of MLPerf inference rounds, as data: one file per round."""
