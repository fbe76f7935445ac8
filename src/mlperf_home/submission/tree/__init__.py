"""A submission's tree on disk: its lock, its originals, truncation."""
