"""Bundles: their documents and limits, redaction, report, and packing."""
