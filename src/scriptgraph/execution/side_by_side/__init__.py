"""Steps and runs beside each other: independent ones at the same time, measuring ones alone."""
