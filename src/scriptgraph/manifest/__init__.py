"""Manifests as immutable types, and their decoding with located errors."""
