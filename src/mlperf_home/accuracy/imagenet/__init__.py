"""Top-1 accuracy on ImageNet, to the digit as MLPerf inference v3.1's own script gives it."""
