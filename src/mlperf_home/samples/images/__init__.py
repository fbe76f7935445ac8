"""The sample's images, drawn by a seeded generator."""
