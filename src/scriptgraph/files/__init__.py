"""Files on disk: atomic writes, JSON, locks, stamps."""
