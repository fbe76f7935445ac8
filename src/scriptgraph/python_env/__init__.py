"""Pythons and virtual environments for programs that cannot live in ours."""
