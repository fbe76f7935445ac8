"""Child processes and interruption; no other package uses `subprocess`."""
