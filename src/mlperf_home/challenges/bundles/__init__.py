"""Bundles: packing, signature, verification, report."""
