"""Resolve scripts with manifests into a plan, and run it into a record; nothing here depends on MLPerf."""
