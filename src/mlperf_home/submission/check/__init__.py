"""Our own check of a submission's tree: all rules, with all findings at once."""
