"""Manifests as frozen types, and their decoding with located errors."""
