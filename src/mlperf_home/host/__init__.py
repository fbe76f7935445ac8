"""What the machine tells of itself: operating system, CPU, memory, limits.

Pure reading of files and of `lscpu`'s text; standard library only. A value that the
machine does not tell is None, and `missing` has the reason under the value's name.
"""
