"""Files on disk: atomic writes, locks, stamps."""
