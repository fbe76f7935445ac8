"""Answers before a run: the steps that it would take, the files that it would fetch, its time, and its limits."""
