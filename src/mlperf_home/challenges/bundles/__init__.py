"""Bundles: packing, signature, verification, and report."""
