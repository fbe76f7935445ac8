"""Pictures of fronts, drawn in an environment of their own; see docs/pictures.md."""
