"""Pictures of fronts: gathered by the front, drawn in an environment of their own (see docs/pictures.md)."""
