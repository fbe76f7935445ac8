"""The programs that run on a measured machine: the standard library of Python 3.10 alone, carried there as one file."""
