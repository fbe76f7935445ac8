"""The documents of a fleet: its machines, its units of work, and the lines of its store."""
