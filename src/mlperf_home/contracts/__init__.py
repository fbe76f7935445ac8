"""Documents that cross a process or a file."""
