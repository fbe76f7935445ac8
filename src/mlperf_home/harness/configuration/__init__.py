"""user.conf: durations, targets, and their files."""
