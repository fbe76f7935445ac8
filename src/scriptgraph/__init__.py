"""Scripts with manifests, resolved into a plan, run into a record. Knows nothing of MLPerf."""
