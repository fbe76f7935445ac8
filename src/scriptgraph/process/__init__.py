"""Child processes and interruption; nothing else uses `subprocess`."""
