"""The system's description: systems/<sut>.json."""
