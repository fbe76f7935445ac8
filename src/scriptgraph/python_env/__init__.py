"""Python interpreters and virtual environments for programs that cannot run in this one."""
