"""MLPerf inference on CPUs: harness, measurements, submission."""
