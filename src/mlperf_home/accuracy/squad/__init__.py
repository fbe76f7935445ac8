"""Exact match and F1 on SQuAD v1.1, to the digit as MLPerf inference v3.1's own scripts give them."""
