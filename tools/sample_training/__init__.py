"""Training of the sample's models, on a developer's machine only."""
