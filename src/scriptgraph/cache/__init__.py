"""The content-addressed store of what steps make."""
